#!/bin/sh
# Proves that headers stand alone, that nothing mutable is visible, and that only main files exit.
. "$(dirname "$0")/tap.sh"

B=${B:-build}

c_files . | grep '\.h$' | while read -r header; do
	echo "#include \"$header\"" |
	    gcc -std=c11 -D_GNU_SOURCE -DAC_VERSION='""' -I. -I"$B" -Wall \
		-fsyntax-only -x c - >"$folder/said" 2>&1 || {
		echo "$header:"
		head -n 3 "$folder/said"
	}
done >"$folder/alone"
nothing_in "$folder/alone" "every header compiles by itself"

c_files . | grep '\.h$' | while read -r header; do
	guard=$(echo "$header" | tr 'a-z/.' 'A-Z__')
	grep -q "^#define $guard\$" "$header" || echo "$header: no $guard"
	head -n 1 "$header" | grep -q '^/\*' || echo "$header: no contract"
done >"$folder/guards"
nothing_in "$folder/guards" "every header has its guard and begins with what it is for"

# Visible objects outside read-only sections.
mutable() { # OBJECT...
	for object; do
		objdump -t "$object" | awk -v object="$object" '
		$2 == "g" && $3 == "O" && $4 ~ /^(\.data|\.bss|\*COM\*)$/ {
			print object ": " $NF
		}'
	done
}
# shellcheck disable=SC2046 # no white space in these names
mutable $(c_files . | sed -n "s|^\(.*\)\.c\$|$B/\1.o|p" | xargs ls 2>/dev/null) \
    >"$folder/mutable"
nothing_in "$folder/mutable" "no mutable object is visible outside its file"

# abort() for what cannot happen is no exit; memory.c ends a report that has
# no memory, where nothing is at stake.
exits() { # DIR
	c_files "$1" | grep -Ev '(^|[/_])main\.c$|^analysis/memory\.c$' |
	    while read -r file; do
		bare_c "$1/$file" |
		    grep -nE '(^|[^A-Za-z0-9_.>])(_?exit|_Exit|quick_exit|errx?|verrx?) *\(' |
		    sed "s|^|$file:|"
	done
}
exits . >"$folder/exits"
nothing_in "$folder/exits" "only main files exit"

mkdir -p "$folder/tree/lib"
printf 'int planted_global = 1;\nconst int *const fine = 0;\nvoid f(void);\nvoid\nf(void)\n{\n\texit(1);\n}\n' \
    >"$folder/tree/lib/a.c"
exits "$folder/tree" >"$folder/seen"
found_in '^lib/a.c:7:' "$folder/seen" "a planted exit is seen"
gcc -w -fPIE -c -o "$folder/a.o" "$folder/tree/lib/a.c"
mutable "$folder/a.o" >"$folder/seen"
found_in 'planted_global' "$folder/seen" "a planted global is seen"
grep -v planted_global "$folder/seen" >"$folder/rest"
nothing_in "$folder/rest" "a constant is none"
tap_done
