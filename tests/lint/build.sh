#!/bin/sh
# Proves that gcc and clang build everything without a warning.
. "$(dirname "$0")/tap.sh"

jobs=-j$(nproc)
for compiler in gcc clang; do
	if make --no-print-directory -k "$jobs" WERROR=1 CC=$compiler \
	    B="$folder/$compiler" all units >"$folder/said" 2>&1; then
		ok "$compiler builds programs and unit tests without a warning"
	else
		grep -E 'error|warning|\*\*\*' "$folder/said" | head -n 40 |
		    sed 's/^/# /'
		not_ok "$compiler builds programs and unit tests without a warning"
	fi
done

# The flags are what finds a planted fault.
printf 'int f(long a);\nint\nf(long a)\n{\n\treturn a;\n}\n' >"$folder/planted.c"
warn=$(make -s --no-print-directory -f - print <<'END'
include Makefile
print:
	@echo $(WARN)
END
)
for compiler in gcc clang; do
	# shellcheck disable=SC2086 # a list of flags
	$compiler -std=c11 $warn -Werror -c -o "$folder/planted.o" \
	    "$folder/planted.c" >"$folder/said" 2>&1
	found_in 'conversion' "$folder/said" \
	    "$compiler refuses a planted lossy conversion"
done

tap_done
