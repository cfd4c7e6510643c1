#!/bin/sh
# Proves that what the manual pages and the README show works when pasted.
. "$(dirname "$0")/tap.sh"

B=$(cd "${B:-build}" && pwd) || exit 2

# The N-th literal block of a page's EXAMPLES (or of another section), as a
# reader would copy it from the terminal.
example() { # PAGE N [SECTION]
	awk -v want="$2" -v section="${3:-EXAMPLES}" '
	/^\.S[hs]/ { inside = $0 ~ section }
	inside && /^\.Bd -literal/ { n++; copy = n == want; next }
	/^\.Ed/ { copy = 0 }
	copy' "$1" | sed 's/\\e/\\/g; s/^\\&//'
}

# The queries of acstore(5), on a store with the schema and nothing in it.
mkdir "$folder/store"
sqlite3 "$folder/store/anycast.db" <schema/store.sql >"$folder/said" 2>&1 &&
    sqlite3 "$folder/store/anycast.db" <schema/views.sql >>"$folder/said" 2>&1
for n in 1 2 3; do
	example man/acstore.5 $n >"$folder/query"
	if grep -q sqlite3 "$folder/query" &&
	    (cd "$folder/store" && sh "$folder/query") >"$folder/said" 2>&1
	then
		ok "query $n of acstore(5) runs"
	else
		sed 's/^/# /' "$folder/query" "$folder/said"
		not_ok "query $n of acstore(5) runs"
	fi
done

# Every view and column that acstore(5) lists exists, and the other way round.
sqlite3 "$folder/store/anycast.db" "
SELECT v.name || '.' || c.name FROM sqlite_schema v,
    pragma_table_info(v.name) c WHERE v.type = 'view'" | sort >"$folder/there"
awk -v lane='vp target address af port proto question flow' '
/^\.Ss v_/ { view = $2 }
/^\.Sh/ { view = "" }
view && /^the lane,$/ { n = split(lane, w, " "); for (i = 1; i <= n; i++)
	print view "." w[i] }
view && /^\.Cm/ { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z_0-9]+$/)
	print view "." $i }' man/acstore.5 | sort -u >"$folder/listed"
comm -3 "$folder/there" "$folder/listed" |
    sed 's/^\t/only in the page: /; t; s/^/only in the schema: /' \
    >"$folder/differ"
nothing_in "$folder/differ" "acstore(5) lists the columns of every view"

# The configurations.
example man/acprobe.conf.5 1 | sed \
    "s|/etc/acprobe/lon1.key|$folder/lon1.key|; s|/var/spool|$folder/spool|
    /^user/d; /^ca =/d" >"$folder/acprobe.conf"
mkdir -p "$folder/spool/acprobe"
chmod 700 "$folder/spool/acprobe"
chmod 600 "$folder/acprobe.conf"
if "$B/acprobe" keygen "$folder/lon1.key" >"$folder/said" 2>&1 &&
    "$B/acprobe" --check-config -f "$folder/acprobe.conf" \
	>>"$folder/said" 2>&1; then
	ok "the configuration of acprobe.conf(5) is accepted"
else
	sed 's/^/# /' "$folder/said"
	not_ok "the configuration of acprobe.conf(5) is accepted"
fi

# The files to start from. A folder of our own: others may own the clone.
cp man/examples/* "$folder/"
sed -i "s|/var/lib/accollect|$folder/lib|" "$folder/accollect.conf"
mkdir "$folder/lib"
: >"$folder/said"
chmod 644 "$folder/acprobe.conf" "$folder/accollect.conf"
if "$B/acprobe" --check-config -f "$folder/acprobe.conf" >>"$folder/said" 2>&1 &&
    "$B/accollect" init -f "$folder/accollect.conf" >>"$folder/said" 2>&1; then
	ok "the files of man/examples are accepted"
else
	sed 's/^/# /' "$folder/said"
	not_ok "the files of man/examples are accepted"
fi
grep -h '^\*/5' man/acprobe.8 man/examples/acprobe.cron README.md |
    sed 's/^ *//' | sort -u >"$folder/cron"
grep -h '^ *\*/5' README.md | sed 's/^ *//' >>"$folder/cron"
if [ "$(sort -u "$folder/cron" | wc -l)" = 1 ]; then
	ok "manual, README and example have one cron line"
else
	sed 's/^/# /' "$folder/cron"
	not_ok "manual, README and example have one cron line"
fi

# The commands of acrecord(5), on a batch of a round that asks a closed port
# of this host.
cat >"$folder/round.conf" <<END
vp = "lon1"
key = "$folder/lon1.key"
spool = "$folder/spool/round"
timeout = "1s"
splay = "0s"
allow_special = "127.0.0.0/8"
target "nobody" { address = "127.0.0.1@9"  questions = "soa"  echo = false }
END
chmod 600 "$folder/round.conf"
"$B/acprobe" -f "$folder/round.conf" >"$folder/said" 2>&1
cp "$folder"/spool/round/*.acb "$folder/BATCH" 2>>"$folder/said"
example man/acrecord.5 1 >"$folder/script"
(cd "$folder" && sh -e script) >>"$folder/said" 2>&1
found_in '"outcome":"refused"' "$folder/said" "acrecord(5) shows how to print a batch"
example man/acrecord.5 2 >"$folder/script"
(cd "$folder" && sh -e script) >"$folder/said" 2>&1
found_in 'Verified Successfully' "$folder/said" \
    "acrecord(5) shows how to verify a batch"
found_in "^$(head -n 1 "$folder/BATCH" | cut -d' ' -f9) " "$folder/said" \
    "and its digest is the ninth word"
printf 'x' >>"$folder/BATCH"
sed -i '1s/nobody/anyone/; 1s/lon1/lon2/' "$folder/BATCH"
(cd "$folder" && sh script) >"$folder/said" 2>&1
found_in 'Verification Failure' "$folder/said" "a changed line does not verify"

example man/accollect.conf.5 1 | sed "s|/var/lib/accollect|$folder|" \
    >"$folder/accollect.conf"
chmod 600 "$folder/accollect.conf"
if "$B/accollect" init -f "$folder/accollect.conf" >"$folder/said" 2>&1; then
	ok "the configuration of accollect.conf(5) is accepted"
else
	sed 's/^/# /' "$folder/said"
	not_ok "the configuration of accollect.conf(5) is accepted"
fi

# The commands that set up a collector, and the reports.
example man/accollect.8 1 | sed "/ init /d; / serve /d
    s|/etc/accollect|$folder|; s|lon1.key.pub|$folder/&|" >"$folder/script"
if (PATH=$B:$PATH; sh -e "$folder/script") >"$folder/said" 2>&1; then
	ok "the vantage point of accollect(8) is added"
else
	sed 's/^/# /' "$folder/script" "$folder/said"
	not_ok "the vantage point of accollect(8) is added"
fi
for n in 1 2 3 4; do
	example man/acreport.1 $n |
	    sed "s|/var/lib/accollect|$folder|" >"$folder/script"
	if (PATH=$B:$PATH; cd "$folder" && sh -e script) >"$folder/said" 2>&1
	then
		ok "report $n of acreport(1) runs"
	else
		sed 's/^/# /' "$folder/script" "$folder/said"
		not_ok "report $n of acreport(1) runs"
	fi
done

# The site map.
example man/anycast-toolkit.7 1 >"$folder/sites"
if "$B/acreport" catchment --db "$folder/anycast.db" \
    --site-map "$folder/sites" >"$folder/said" 2>&1; then
	ok "the site map of anycast-toolkit(7) is accepted"
else
	sed 's/^/# /' "$folder/said"
	not_ok "the site map of anycast-toolkit(7) is accepted"
fi
tap_done
