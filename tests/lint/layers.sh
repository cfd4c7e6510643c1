#!/bin/sh
# Proves that each file includes only what its layer may, and that SQL stays
# where it belongs.
. "$(dirname "$0")/tap.sh"

# Which folder may include which of ours.
layers='
lib        lib
probe      lib probe
collector  lib collector
analysis   lib analysis
schema     schema
'

# Header of a library, and the files that may include it.
foreign='
sqlite3\.h            collector/(store|settle|statements)[a-z_]*\.[ch] analysis/query[a-z_]*\.[ch]
curl/.*               probe/ship[a-z_]*\.[ch]
microhttpd\.h         collector/listen[a-z_]*\.[ch]
gnutls/.*             collector/listen[a-z_]*\.[ch]
jansson\.h            lib/(record|batch|json_in)[a-z_]*\.[ch] collector/import_[a-z_]*\.[ch] analysis/(report_json|html)[a-z_]*\.[ch]
confuse\.h            lib/conf[a-z_]*\.[ch]
openssl/.*            lib/sign[a-z_]*\.[ch] probe/method_[a-z_]*\.[ch]
pcre2\.h              lib/site_map[a-z_]*\.[ch]
zstd(_errors)?\.h     lib/(batch|lines)[a-z_]*\.[ch] collector/archive_pack\.[ch]
zlib\.h               lib/lines[a-z_]*\.[ch] collector/import_[a-z_]*\.[ch] collector/row_sum\.c
maxminddb\.h          lib/geo[a-z_]*\.[ch]
cap-ng\.h             lib/sandbox[a-z_]*\.[ch]
seccomp\.h            lib/sandbox[a-z_]*\.[ch]
linux/landlock\.h     lib/sandbox[a-z_]*\.[ch]
pcap.*                lib/evidence[a-z_]*\.[ch]
sys/epoll\.h          lib/loop[a-z_]*\.[ch] probe/sockets[a-z_]*\.[ch]
'

# System headers that need no permission: libc's and the kernel's.
plain='(sys|net|netinet|arpa|linux|asm)/[a-z0-9_/]+\.h'
plain="$plain|(assert|ctype|dirent|dlfcn|endian|err|errno|fcntl|float|fnmatch|getopt"
plain="$plain|glob|grp|ifaddrs|inttypes|langinfo|limits|locale|math|netdb|poll|pthread"
plain="$plain|malloc|pwd|regex|sched|signal|stdarg|stdatomic|stdbool|stddef|stdint"
plain="$plain|stdio|stdio_ext|stdlib|string|strings|syslog|time|unistd)\\.h"

includes() { # DIR: "file:line header kind" of every #include
	c_files "$1" | while read -r file; do
		awk -v file="$file" '
		match($0, /^#[ \t]*include[ \t]*[<"]/) {
			rest = substr($0, RLENGTH)
			kind = substr(rest, 1, 1) == "<" ? "foreign" : "own"
			rest = substr(rest, 2)
			sub(/[>"].*/, "", rest)
			print file ":" FNR, rest, kind
		}' "$1/$file"
	done
}

wrong_layer() { # DIR
	includes "$1" | awk -v table="$layers" '
	BEGIN {
		lines = split(table, line, "\n")
		for (i = 1; i <= lines; i++) {
			words = split(line[i], word, " ")
			for (j = 2; j <= words; j++)
				may[word[1] "/" word[j]] = 1
		}
	}
	$3 == "own" {
		from = $1; sub(/\/.*/, "", from)
		to = $2
		if (sub(/\/.*/, "", to) == 0)
			print $1 ": \"" $2 "\" is not relative to the root"
		else if (!((from "/" to) in may))
			print $1 ": " from "/ must not include \"" $2 "\""
	}'
}

foreign_place() { # DIR
	includes "$1" | awk -v table="$foreign" -v plain="^($plain)$" '
	BEGIN {
		lines = split(table, line, "\n")
		for (i = 1; i <= lines; i++) {
			words = split(line[i], word, " ")
			if (words < 2)
				continue
			headers++
			header[headers] = "^" word[1] "$"
			for (j = 2; j <= words; j++)
				place[headers] = place[headers] \
				    (j > 2 ? "|" : "") word[j]
		}
	}
	$3 == "foreign" {
		file = $1; sub(/:.*/, "", file)
		for (i = 1; i <= headers; i++)
			if ($2 ~ header[i]) {
				if (file !~ ("^(" place[i] ")$"))
					print $1 ": <" $2 "> has no place here"
				next
			}
		if ($2 !~ plain)
			print $1 ": <" $2 "> is of no library of DESIGN 4"
	}'
}

# A stage of the prober knows its own header, the common ones and lib/. Only
# the heart and what is above it know the stages and their order: the prober's
# turn, the plan that fills it, the look (its options and page) and the round.
stage_order() { # DIR
	includes "$1" | awk '
	$1 ~ /^probe\// && $3 == "own" && $2 ~ /^probe\// {
		file = $1; sub(/:.*/, "", file)
		sub(/^probe\//, "", file); sub(/\.[ch]$/, "", file)
		header = $2; sub(/^probe\//, "", header); sub(/\.h$/, "", header)
		if (file ~ /^(prober|plan|look|round|show|options|ship_run)(_|$)|(^|_)main$/)
			next
		if (header ~ /^(probe|prober|method|link|config|flow|packed)$/)
			next
		# The files of one idea: ship.c and ship_receipt.c.
		a = file; b = header; sub(/_.*/, "", a); sub(/_.*/, "", b)
		if (a == b)
			next
		print $1 ": a stage must not include \"" $2 "\""
	}'
}

# String literals that begin like a statement. Reports keep theirs in the
# report's own file; PRAGMA and transactions belong to the store.
sql_place() { # DIR
	words='SELECT|INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|DROP|WITH|ATTACH'
	c_files "$1" | grep -Ev '^(schema/|collector/statements|analysis/)' |
	    while read -r file; do
		grep -nE "\"($words) [A-Za-z]" "$1/$file" |
		    grep -E "\"(SELECT |INSERT (OR|INTO)|UPDATE [a-z_]+ SET|DELETE FROM|REPLACE INTO|CREATE (TABLE|VIEW|INDEX|TEMP)|ALTER TABLE|DROP (TABLE|VIEW|INDEX)|WITH [a-z_]+(\(| AS)|ATTACH )" |
		    sed "s|^|$file:|; s|\$| (SQL has no place here)|"
	done
}

own_header_first() { # DIR
	includes "$1" | awk '
	{
		file = $1; sub(/:.*/, "", file)
		if (file !~ /\.c$/ || seen[file]++)
			next
		header = file; sub(/c$/, "h", header)
		first[file] = $2
	}
	END { for (file in first) print file, first[file] }' | sort |
	    while read -r file first; do
		header=${file%.c}.h
		if [ -e "$1/$header" ] && [ "$first" != "$header" ]; then
			echo "$file: begins with $first, not with its own header"
		fi
	done
}

for check in wrong_layer foreign_place stage_order sql_place own_header_first
do
	$check . >"$folder/$check"
done
nothing_in "$folder/wrong_layer" "folders include only what lies below them"
nothing_in "$folder/foreign_place" "each library is known where it belongs"
nothing_in "$folder/stage_order" "a stage of the prober knows no other stage"
nothing_in "$folder/sql_place" "SQL is in schema/, statements and reports"
nothing_in "$folder/own_header_first" "a file includes its own header first"

# The checks see what is planted: FILE, text, CHECK.
planted() {
	rm -rf "$folder/tree"
	mkdir -p "$folder/tree/${1%/*}"
	printf '%s\n' "$2" >"$folder/tree/$1"
	: >"$folder/tree/${1%.c}.h"
	$3 "$folder/tree" >"$folder/seen"
	found_in "^$1" "$folder/seen" "$3 sees $2 planted in $1"
}
planted lib/a.c '#include "probe/probe.h"' wrong_layer
planted probe/a.c '#include "collector/store.h"' wrong_layer
planted analysis/a.c '#include "collector/store.h"' wrong_layer
planted collector/a.c '#include "probe/flow.h"' wrong_layer
planted lib/a.c '#include "text.h"' wrong_layer
planted analysis/latency.c '#include <sqlite3.h>' foreign_place
planted probe/send.c '#include <curl/curl.h>' foreign_place
planted collector/ingest.c '#include <microhttpd.h>' foreign_place
planted probe/show.c '#include <jansson.h>' foreign_place
planted lib/text.c '#include <ldns/ldns.h>' foreign_place
planted probe/receive.c '#include "probe/schedule.h"' stage_order
planted collector/ingest.c '	run("SELECT id FROM vp");' sql_place
planted lib/a.c '#include <stdio.h>' own_header_first
tap_done
