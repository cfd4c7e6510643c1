#!/bin/sh
# Print the gazetteer as C source (lib/gazetteer_data.h) from lines of
# country,code,latitude,longitude,city,region,use[,size].
#   gazetteer.sh METRO.csv [AIRPORTS.csv]
set -eu
LC_ALL=C
export LC_ALL
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

# One line a row, tabs between: country, weight, code, city, plain city, rest.
# A place that names a whole town weighs most, then large airports. An airport
# whose code the metro table has is there already, under its town's name.
cat "$@" | awk -F, -v OFS='\t' '
$1 == "country" || /^#/ { next }
NF < 7 || $1 !~ /^[A-Z][A-Z]$/ || $2 !~ /^[A-Z][A-Z][A-Z]$/ ||
    $3 !~ /^-?[0-9.]+$/ || $4 !~ /^-?[0-9.]+$/ ||
    $7 !~ /^(locode|code|metro|airport|name)$/ {
	print "gazetteer: not a place: " $0 >"/dev/stderr"
	bad = 1
	next
}
$7 == "airport" && ($1 $2) in towns { next }
{
	if ($7 != "airport" && $7 != "locode" && $7 != "name")
		towns[$1 $2]
	weight = $7 == "metro" || $7 == "name" ? 4 : $7 == "airport" ? $8 : 2
	plain = tolower($5)
	gsub(/[^a-z0-9]/, "", plain)
	print $1, weight, tolower($2), $5, plain, $6, $7, $3, $4
}
END { exit bad }' >"$rows"
sort -t '	' -k1,1 -k2,2nr -k3,4 -o "$rows" "$rows"

echo '/* Made by schema/sitemap/gazetteer.sh. */'
echo '#include "lib/gazetteer_data.h"'
echo
echo 'const struct gazetteer_row gazetteer_rows[] = {'
awk -F '\t' '{
	printf "\t{ \"%s\", \"%s\", \"%s\", \"%s\", GAZETTEER_%s, %d, " \
	    "%.4f, %.4f },\n", $1, $3, $6, $4, toupper($7), $2, $8, $9
}' "$rows"
echo '};'
awk -F '\t' '
$7 == "airport" { airports++ }
END {
	print "const size_t gazetteer_count = " NR ";"
	print "const size_t gazetteer_airports = " airports + 0 ";"
}' "$rows"
for index in code:3 name:5; do
	echo
	echo "const uint16_t gazetteer_by_${index%:*}[] = {"
	awk -F '\t' -v OFS='\t' -v f="${index#*:}" '{ print $f, NR - 1 }' \
	    "$rows" | sort -t '	' -k1,1 -k2,2n |
	    awk '{ printf "%s,%s", $NF, NR % 12 ? " " : "\n" } END { print "" }'
	echo '};'
done
