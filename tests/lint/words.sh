#!/bin/sh
# Proves that no file holds unfinished work, a machine's path or white space
# at a line's end.
. "$(dirname "$0")/tap.sh"

# What git tracks or would track; outside a clone, everything but build/.
files() {
	git ls-files --cached --others --exclude-standard 2>/dev/null ||
	    find . -type f ! -path './build/*' ! -path './.git/*'
}
# Names of our own, split so that this file does not find itself.
unfinished='TO''DO|FIX''ME|\bXX''X\b|HA''CK\b|not yet imple''mented'
machine='(^|[^A-Za-z0-9_.-])/(wo''rk|ho''me|ro''ot)/[A-Za-z0-9._-]'
registry='(registry\.n''pmjs|py''pi|cra''tes\.io|prox''y\.golang|deb\.deb''ian)'

files | grep -vE '\.(pcap|zst|gz|bin|png)$' | sort -u | while read -r file; do
	[ -f "$file" ] && echo "$file"
done >"$folder/list"

look() { # PATTERN: in every file of the list
	xargs -d '\n' grep -nIE -e "$1" /dev/null <"$folder/list"
}
look "$unfinished" >"$folder/unfinished"
nothing_in "$folder/unfinished" "nothing is marked as unfinished"
look "$machine" | grep -v '^tests/deps/install:' >"$folder/machine"
nothing_in "$folder/machine" "no path of somebody's machine is named"
look "$registry" >"$folder/registry"
nothing_in "$folder/registry" "no package registry is named"
grep -E '\.([ch]|sh|py|sql|mk|[0-9]|md)$' "$folder/list" >"$folder/text"
xargs -d '\n' grep -nE '[ 	]+$' /dev/null <"$folder/text" |
    grep -v '/golden/' >"$folder/trailing"
nothing_in "$folder/trailing" "no line ends in white space"

printf 'a\n/* TO''DO: rest */\nfopen("/ho''me/me/x")\n' >"$folder/planted"
echo "$folder/planted" >"$folder/list"
look "$unfinished" >"$folder/seen"
found_in ':2:' "$folder/seen" "a planted unfinished mark is seen"
look "$machine" >"$folder/seen"
found_in ':3:' "$folder/seen" "a planted path is seen"
tap_done
