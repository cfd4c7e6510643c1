#!/bin/sh
# Proves that programs and manual pages name the same options and configuration keys.
. "$(dirname "$0")/tap.sh"

# The sources as one line, without the backslashes of macros.
one_line() { # FILE...
	cat "$@" | tr '\n\t\\' '   ' | tr -s ' '
}

# Options: rows of getopt_long() tables, its letters (":46jc:f:"), and words
# that are compared with the first argument.
options_in_source() { # FILE...
	one_line "$@" >"$folder/line"
	grep -oE '\{ "[a-z][a-z0-9-]*", (no|required|optional)_argument' \
	    "$folder/line" | sed 's/[^"]*"/--/; s/".*//'
	grep -oE '(short_options\[\] = |_LETTERS |getopt_long\( ?argc, argv, )"[^"]*"' \
	    "$folder/line" | sed 's/^[^"]*"//; s/[^A-Za-z0-9]//g' |
	    grep -o . | sed 's/^/-/'
	grep -oE 'strcmp\(argv\[1\], "-[a-zA-Z-]+"' "$folder/line" |
	    sed 's/^[^"]*"//; s/"//'
}

# What a page lists: .It Fl f Ar file , Fl -format Cm ...
options_in_page() { # FILE
	sed -n 's/^\.It \(.*\)/\1/p' "$1" | grep -oE 'Fl [A-Za-z0-9-]+' |
	    sed 's/^Fl /-/' | grep -E '^-([A-Za-z0-9]|-[a-z0-9-]+)$'
}

# Keys of configurations: rows of a conf_key table.
keys_in_source() { # FILE...
	one_line "$@" | grep -oE \
	    '\{ (\.name = )?"[a-z_]+", (\.kind = )?CONF_[A-Z]+' |
	    sed 's/^[^"]*"//; s/".*//'
}

keys_in_page() { # FILE
	sed -n 's/^\.It \(Ic .*\)/\1/p' "$1" | grep -oE 'Ic [a-z_]+ No' |
	    sed 's/^Ic //; s/ No$//'
}

compare() { # KIND PAGE SOURCE...
	kind=$1 page=$2
	shift 2
	"${kind}_in_source" "$@" 2>/dev/null | sort -u >"$folder/source"
	"${kind}_in_page" "$page" | sort -u >"$folder/page"
	if [ ! -s "$folder/source" ]; then
		not_ok "the sources of $page have $kind"
		return
	fi
	comm -23 "$folder/source" "$folder/page" >"$folder/undocumented"
	nothing_in "$folder/undocumented" "$page lists all $kind of the program"
	comm -13 "$folder/source" "$folder/page" >"$folder/invented"
	nothing_in "$folder/invented" "the program has all $kind that $page lists"
}

compare options man/acprobe.8 probe/options.c
compare options man/acship.8 probe/ship*.c
compare options man/accollect.8 collector/*.[ch]
compare options man/acreport.1 analysis/*.c
compare keys man/acprobe.conf.5 probe/config*.c
compare keys man/accollect.conf.5 collector/config*.c

# The comparison sees what is planted.
cat >"$folder/planted.c" <<'END'
static const char short_options[] = ":hx:";
	{ "secret", required_argument, NULL, 'x' },
	{ "help", no_argument, NULL, 'h' },
END
printf '.It Fl h , Fl -help\n.It Fl -gone Ar x\n' >"$folder/planted.8"
(compare options "$folder/planted.8" "$folder/planted.c") >"$folder/said"
found_in '^# --secret' "$folder/said" "a planted undocumented option is seen"
found_in '^# --gone' "$folder/said" "a planted invented option is seen"
tap_done
