#!/bin/sh
# Print C source of the page (html_page.h); an empty page where it cannot be
# had: without it the rest builds, and acreport html says what it needs.
#   bundle.sh FOLDER    npm's folder, kept from build to build
set -u
here=$(cd "$(dirname "$0")" && pwd)
dir=$1

without() {
	echo "acreport html: $1: built without the page; with nodejs, npm" \
	    "and the npm registry, type: make page" >&2
	for name in head tail; do
		echo "extern const char html_page_$name[];"
		echo "const char html_page_$name[] = \"\";"
	done
	exit 0
}

command -v node >/dev/null 2>&1 || without "no node"
command -v npm >/dev/null 2>&1 || without "no npm"
mkdir -p "$dir" || exit 1
# Builds of several compilers may come here at once.
exec 9>"$dir/lock"
flock 9
if [ ! -e "$dir/node_modules/esbuild/package.json" ] ||
    ! cmp -s "$here/package-lock.json" "$dir/package-lock.json"; then
	cp "$here/package.json" "$here/package-lock.json" "$dir" || exit 1
	(cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund) \
	    >"$dir/log" 2>&1 || {
		rm -f "$dir/package-lock.json"
		without "npm ci failed (see $dir/log)"
	}
fi
exec node "$here/bundle.mjs" "$here" "$dir/node_modules"
