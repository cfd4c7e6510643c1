#!/bin/sh
# Proves that every program is linked as hard as the Makefile says.
. "$(dirname "$0")/tap.sh"

B=${B:-build}
for program in acprobe acship accollect acreport; do
	file=$B/$program
	if [ ! -x "$file" ]; then
		not_ok "$program is built"
		continue
	fi
	readelf -W -h -l -d --dyn-syms "$file" >"$folder/elf"
	: >"$folder/soft"
	need() { grep -Eq -e "$1" "$folder/elf" || echo "$2" >>"$folder/soft"; }
	need 'Type: +DYN' "not position independent"
	need 'GNU_RELRO' "no RELRO"
	need 'BIND_NOW|FLAGS.*NOW' "symbols are bound late"
	need 'GNU_STACK.* RW ' "executable stack"
	need '__stack_chk_fail' "no stack protector"
	need '__[a-z]+_chk' "not fortified"
	if grep -Eq '(RPATH|RUNPATH|TEXTREL)' "$folder/elf"; then
		echo "RPATH or text relocations" >>"$folder/soft"
	fi
	if grep -E '^ *LOAD' "$folder/elf" | grep -q 'RWE'; then
		echo "a segment is writable and executable" >>"$folder/soft"
	fi
	nothing_in "$folder/soft" "$program is hardened"
	if [ -u "$file" ] || [ -g "$file" ]; then
		not_ok "$program has no set-id bit"
	else
		ok "$program has no set-id bit"
	fi
done

# acprobe stays away from libraries that do not belong beside raw sockets.
readelf -d "$B/acprobe" 2>/dev/null | grep -E 'NEEDED.*(curl|microhttpd|sqlite)' \
    >"$folder/libraries"
nothing_in "$folder/libraries" "acprobe links neither curl nor a store"
tap_done
