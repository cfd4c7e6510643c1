#!/bin/sh
# Proves that no source file calls a function that is banned.
. "$(dirname "$0")/tap.sh"

banned='strcpy|strcat|strncpy|strncat|stpcpy|sprintf|vsprintf|gets|strtok'
banned="$banned|atoi|atol|atoll|atof|system|popen|alloca|rand|srand|mktemp"
banned="$banned|tmpnam|asctime|ctime|gmtime|localtime"

calls() { # DIR
	all_c_files "$1" | while read -r file; do
		bare_c "$1/$file" |
		    grep -nE "(^|[^A-Za-z0-9_.>])($banned) *\(" |
		    sed "s|^|$file:|"
	done
}

# Where a printf-like format is not a literal, a foreign % would be obeyed.
loose_formats() { # DIR
	all_c_files "$1" | while read -r file; do
		bare_c "$1/$file" |
		    grep -nE '(^|[^A-Za-z0-9_])v?(printf|dprintf|fprintf|snprintf) *\(' |
		    grep -E '([^f]|^)printf *\( *[a-z_]+ *\)' |
		    sed "s|^|$file:|"
	done
}

calls . >"$folder/calls"
nothing_in "$folder/calls" "no banned function is called"
loose_formats . >"$folder/formats"
nothing_in "$folder/formats" "no format is foreign text"

mkdir -p "$folder/tree/lib"
cat >"$folder/tree/lib/planted.c" <<'END'
/* strcpy(a, b) in a comment, and "sprintf(" in a string, are no calls. */
const char *words = "sprintf(x) /* strcat(";
int a = my_strcpy(b) + x->system(1);
	return atoi(text);
	printf(text);
END
calls "$folder/tree" >"$folder/planted"
found_in '^lib/planted.c:4:' "$folder/planted" \
    "a planted call of atoi() is found"
grep -v ':4:' "$folder/planted" >"$folder/rest"
nothing_in "$folder/rest" "words in comments, strings and other names are not"
loose_formats "$folder/tree" >"$folder/planted"
found_in '^lib/planted.c:5:' "$folder/planted" \
    "a planted printf(text) is found"
tap_done
