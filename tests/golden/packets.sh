#!/bin/sh
# Proves what every packet in tests/golden/packets is read as, under sanitizers.
# UPDATE=1 writes the expected texts anew; look at the difference.
. "$(dirname "$0")/../lint/tap.sh"

packets=tests/golden/packets
san=${B:-build}/san
dump=$san/tests/golden/packet_dump

if ! make -s --no-print-directory SAN=address,undefined B="$san" "$dump" \
    >"$folder/made" 2>&1; then
	sed 's/^/# /' "$folder/made"
	not_ok "the driver can be built with sanitizers"
	tap_done
fi

verdict() { sed -n 's/^verdict //p' "$packets/$1.txt"; }

for hex in "$packets"/*.hex; do
	name=$(basename "$hex" .hex)
	if ! "$dump" "$hex" >"$folder/seen" 2>"$folder/said"; then
		sed 's/^/# /' "$folder/said"
		not_ok "$name is read without a sanitizer's report"
		continue
	fi
	[ -z "$UPDATE" ] || cp "$folder/seen" "$packets/$name.txt"
	diff -u "$packets/$name.txt" "$folder/seen" >"$folder/diff" 2>&1
	nothing_in "$folder/diff" "$name is read as before"
done

# A test of refusals means nothing where everything is refused.
for hex in "$packets"/*-bad.hex; do
	name=$(basename "$hex" -bad.hex)
	if [ "$(verdict "$name-good")" = accepted ] &&
	    [ "$(verdict "$name-bad")" != accepted ]; then
		ok "$name is not accepted whole, and its twin is"
	else
		not_ok "$name is not accepted whole, and its twin is"
	fi
done

for text in "$packets"/*.txt; do
	[ -e "${text%.txt}.hex" ] || echo "$text"
done >"$folder/orphans"
nothing_in "$folder/orphans" "every expected text has its packet"

# And a driver that says nothing, or without sanitizers, proves nothing.
if printf 'planted\n' | "$dump" - >"$folder/said" 2>&1; then
	not_ok "an unknown kind of packet is refused by the driver"
else
	ok "an unknown kind of packet is refused by the driver"
fi
if nm "$dump" | grep -q __asan_report_load1; then
	ok "the driver is built with the address sanitizer"
else
	not_ok "the driver is built with the address sanitizer"
fi
tap_done
