#!/bin/sh
# Proves that programs and manual pages name the same options and configuration keys.
. "$(dirname "$0")/tap.sh"

# Long options in the source: rows of getopt_long() tables.
options_in_source() { # FILE...
	sed -n 's/^[[:space:]]*{ *"\([a-z][a-z0-9-]*\)", *\(no\|required\|optional\)_argument.*/--\1/p' "$@"
	# ":46jc:f:" of getopt_long(): letters.
	cat "$@" | tr '\n' ' ' |
	    grep -oE '(short_options\[\] = |getopt_long\([^;"]*, )"[^"]*"' |
	    sed 's/^[^"]*"//; s/"//' | tr -d ':+-' | fold -w 1 | sed 's/^/-/'
}

# What a page lists: .It Fl f Ar file , Fl -format Cm ...
options_in_page() { # FILE
	sed -n 's/^\.It \(.*\)/\1/p' "$1" | grep -oE 'Fl [A-Za-z0-9-]+' |
	    sed 's/^Fl /-/' | grep -E '^-([A-Za-z0-9]|-[a-z0-9-]+)$'
}

# Keys of configurations: rows of a conf_key table.
keys_in_source() { # FILE...
	sed -n 's/^[[:space:]]*{ *"\([a-z_]*\)", *CONF_[A-Z]*.*/\1/p' "$@"
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
compare options man/accollect.8 collector/*.c
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
