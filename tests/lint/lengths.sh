#!/bin/sh
# Proves that no function of the programs exceeds 100 lines and that most are
# short.
. "$(dirname "$0")/tap.sh"

# "lines file:line name" of every function. In KNF a body begins and ends
# with a brace in the first column.
functions() { # DIR
	c_files "$1" | grep '\.c$' | while read -r file; do
		awk -v file="$file" '
		/^[a-z_0-9]+\(/ { name = $0; sub(/\(.*/, "", name) }
		/^\{/ { start = FNR }
		/^\}/ && start {
			print FNR - start + 1, file ":" start, name
			start = 0
		}' "$1/$file"
	done
}

functions . | sort -n >"$folder/all"
awk '$1 > 100' "$folder/all" >"$folder/long"
nothing_in "$folder/long" "no function has more than 100 lines"

count=$(wc -l <"$folder/all")
if [ "$count" -gt 0 ]; then
	median=$(sed -n "$(((count + 1) / 2))p" "$folder/all" | cut -d' ' -f1)
	p90=$(sed -n "$((count * 9 / 10 + 1))p" "$folder/all" | cut -d' ' -f1)
	echo "# $count functions, median $median lines, p90 $p90"
	: >"$folder/band"
	[ "$median" -le 20 ] && [ "$p90" -le 60 ] ||
	    echo "median $median, p90 $p90" >"$folder/band"
	nothing_in "$folder/band" "median at most 20 lines, nine in ten at most 60"
else
	not_ok "there are functions"
fi

c_files . | grep '\.c$' | while read -r file; do
	lines=$(wc -l <"$file")
	[ "$lines" -le 700 ] || echo "$file: $lines lines"
done >"$folder/files"
nothing_in "$folder/files" "no source file has more than 700 lines"

mkdir -p "$folder/tree/lib"
{
	printf 'int\nplanted(void)\n{\n'
	yes '	a();' | head -n 100
	echo '}'
} >"$folder/tree/lib/a.c"
functions "$folder/tree" | awk '$1 > 100' >"$folder/seen"
found_in 'lib/a.c:3 planted' "$folder/seen" "a planted long function is seen"
tap_done
