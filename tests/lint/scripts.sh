#!/bin/sh
# Proves that every script parses and that its first comment says what it is.
. "$(dirname "$0")/tap.sh"

find tests .ci schema -type f ! -path '*/__pycache__/*' | sort \
    >"$folder/files"

# Shell or Python by suffix, else by the first line.
kind() {
	case $1 in
	*.sh) echo sh ;;
	*.py) echo py ;;
	*) case $(head -c 64 "$1" | head -n 1 | tr -d '\0') in
		'#!'*python*) echo py ;;
		'#!'*bash*) echo bash ;;
		'#!'*sh*) echo sh ;;
		esac ;;
	esac
}

while read -r file; do
	case $(kind "$file") in
	sh) sh -n "$file" 2>&1 ;;
	bash) bash -n "$file" 2>&1 ;;
	py) python3 - "$file" <<'END'
import ast
import sys
try:
    ast.parse(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1])
except SyntaxError as error:
    print(f"{sys.argv[1]}:{error.lineno}: {error.msg}")
END
	;;
	esac
done <"$folder/files" >"$folder/wrong"
nothing_in "$folder/wrong" "every shell and Python script parses"

# A test's first comment, or docstring, is the sentence that it proves.
grep -E '^tests/(lint|golden|sim|lab|fault|fuzz)/[^/]*\.(sh|py)$' \
    "$folder/files" | while read -r file; do
	[ -x "$file" ] || continue
	sed -n 2p "$file" | grep -Eq '^(# |"""|# *-\*-)[A-Za-z`]' || echo "$file"
done >"$folder/silent"
nothing_in "$folder/silent" "every test says in its second line what it proves"

# A script that is meant to be run is executable.
while read -r file; do
	case $file in tests/runner.py | */tap.sh) continue ;; esac
	[ -x "$file" ] || ! head -c 2 "$file" | grep -q '#!' || echo "$file"
done <"$folder/files" >"$folder/modes"
nothing_in "$folder/modes" "every script with #! may be run"
tap_done
