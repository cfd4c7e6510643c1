# TAP for shell tests; sourced, with the repository's root as working folder.
tap_count=0
tap_failed=0

ok() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

not_ok() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
}

skip() { # SENTENCE REASON
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# Pass when FILE, which lists what is wrong, is empty; else show it.
nothing_in() { # FILE SENTENCE
	if [ -s "$1" ]; then
		sed 's/^/# /' "$1"
		not_ok "$2"
	else
		ok "$2"
	fi
}

# Pass when FILE has a line that matches.
found_in() { # PATTERN FILE SENTENCE
	if grep -Eq -e "$1" "$2"; then
		ok "$3"
	else
		echo "# no line matches $1 in:"
		sed 's/^/# /' "$2"
		not_ok "$3"
	fi
}

tap_done() {
	echo "1..$tap_count"
	[ "$tap_failed" = 0 ]
	exit
}

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 2
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP

# The C files of a tree: programs and library, then tests too.
c_files() { # DIR
	(cd "$1" && find lib probe collector analysis schema -name '*.[ch]' \
	    2>/dev/null | sort)
}
all_c_files() { # DIR
	(cd "$1" && find lib probe collector analysis schema tests \
	    -name '*.[ch]' 2>/dev/null | sort)
}

# C source without comments and without what is inside string literals;
# lines stay where they are.
bare_c() {
	awk '
	{
		line = $0; out = ""
		while (line != "") {
			if (inside) {
				end = index(line, "*/")
				if (!end) { line = ""; break }
				line = substr(line, end + 2); inside = 0
				continue
			}
			two = substr(line, 1, 2)
			if (two == "//") break
			if (two == "/*") {
				inside = 1; line = substr(line, 3); continue
			}
			one = substr(line, 1, 1)
			if (one == "\"" || one == "'\''") {
				line = substr(line, 2)
				while (line != "" && substr(line, 1, 1) != one)
					line = substr(line,
					    substr(line, 1, 1) == "\\" ? 3 : 2)
				line = substr(line, 2)
				out = out one one
				continue
			}
			out = out one; line = substr(line, 2)
		}
		print out
	}' "$1"
}
