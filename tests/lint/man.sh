#!/bin/sh
# Proves that every manual page is clean mdoc and that its references exist.
. "$(dirname "$0")/tap.sh"

# The references between our pages are checked below, those to the system's
# pages cannot be.
for page in man/*.[0-9]; do
	mandoc -T lint -W warning "$page" >"$folder/said" 2>&1
	nothing_in "$folder/said" "${page#man/} is clean"
done

# Most systems print them with groff, which mandoc cannot speak for.
if command -v groff >"$folder/said"; then
	for page in man/*.[0-9]; do
		groff -mdoc -Tutf8 "$page" 2>&1 >"$folder/printed" |
		    sed "s|^|$page: |"
	done >"$folder/said"
	nothing_in "$folder/said" "groff prints every page to its end"
else
	skip "groff prints every page to its end" "needs groff"
fi

for page in acprobe.8 acship.8 accollect.8 acreport.1 acprobe.conf.5 \
    accollect.conf.5 acrecord.5 acsitemap.5 acstore.5 anycast-toolkit.7; do
	[ -s "man/$page" ] || echo "man/$page"
done >"$folder/missing"
nothing_in "$folder/missing" "every program and format has its page"

# .Xr NAME SECTION of a page of ours: acX or anycast-toolkit.
grep -nE '^\.(It )?Xr (ac|anycast)' man/*.[0-9] |
    while read -r where name section _; do
	[ -e "man/$name.$section" ] || echo "$where $name $section"
done >"$folder/dangling"
nothing_in "$folder/dangling" "no page refers to a page of ours that is not there"

# One sentence per source line: a full stop in mid-line begins another.
grep -nE '[a-z]{3}[.!?] +[A-Z][a-z]' man/*.[0-9] | grep -v '\\"' \
    >"$folder/long"
nothing_in "$folder/long" "one sentence per source line"

printf '.Dd x\n.Dt A 1\n.Sh NAME\n' >"$folder/planted.1"
mandoc -T lint -W warning "$folder/planted.1" >"$folder/said" 2>&1
found_in 'WARNING|ERROR' "$folder/said" "a planted bad page is seen"
tap_done
