#!/bin/sh
# Proves that every script parses and that its first comment says what it is.
. "$(dirname "$0")/tap.sh"

# Every script and its first line.
find tests .ci schema -type f ! -path '*/__pycache__/*' \
    ! -path '*/golden/*/*' -size -200k | sort | xargs awk '
FNR == 1 && (/^#!/ || FILENAME ~ /\.(sh|py)$/) { print FILENAME, $0 }' \
    >"$folder/first"
cut -d' ' -f1 "$folder/first" >"$folder/files"

while read -r file first; do
	case $file,$first in
	*.py,* | *python*) echo "$file" >>"$folder/python" ;;
	*.sh,* | *,*/sh*) sh -n "$file" 2>&1 ;;
	*,*bash*) bash -n "$file" 2>&1 ;;
	*) echo "$file: neither shell nor Python" ;;
	esac
done <"$folder/first" >"$folder/wrong"
python3 - "$folder/python" >>"$folder/wrong" <<'END'
import ast
import sys
for name in open(sys.argv[1]).read().split("\n")[:-1]:
    try:
        ast.parse(open(name, encoding="utf-8").read(), name)
    except SyntaxError as error:
        print(f"{name}:{error.lineno}: {error.msg}")
END
nothing_in "$folder/wrong" "every shell and Python script parses"

# A test's first comment is the sentence that it proves.
grep -E '^tests/(lint|golden|sim|lab|fault|fuzz)/[^/]*\.(sh|py)$' \
    "$folder/files" | while read -r file; do
	[ -x "$file" ] || continue # a module of others
	sed -n 2p "$file" | grep -Eq '^# [A-Za-z`]' || echo "$file"
done >"$folder/silent"
nothing_in "$folder/silent" "every test says in its second line what it proves"

# A script that is meant to be run is executable.
while read -r file first; do
	case $first in
	'#!'*) [ -x "$file" ] || echo "$file" ;;
	esac
done <"$folder/first" >"$folder/modes"
nothing_in "$folder/modes" "every script with #! may be run"

mkdir -p "$folder/tree/tests/lint"
printf '#!/bin/sh\nif\n' >"$folder/tree/tests/lint/x.sh"
sh -n "$folder/tree/tests/lint/x.sh" >"$folder/said" 2>&1
found_in 'x.sh' "$folder/said" "a planted broken script is seen"
tap_done
