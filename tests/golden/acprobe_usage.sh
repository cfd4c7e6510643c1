#!/bin/sh
# Every bad command line of acprobe ends with its exit code and one line that names what is wrong, and the like that is good is taken.
. "$(dirname "$0")/../lint/tap.sh"
acprobe=${B:-build}/acprobe
# In a network of its own nothing can leave, whatever is wrong.
away=
unshare -n true 2>/dev/null && away='unshare -n'
case $acprobe in /*) ;; *) acprobe=$root/$acprobe ;; esac

printf '192.0.2.0/33\n' >"$folder/bad-blocklist"
printf '# closed\n9.9.9.0/24 # why\n\n2620:fe::/48\n' >"$folder/blocklist"
printf 'a b\n' >"$folder/bad-map"
printf '* exact a.example AAA\n' >"$folder/map"
printf 'vp = "x"\nfoo = 1\n' >"$folder/bad.conf"
ln -s nowhere "$folder/taken"

# EXIT|arguments|what the one line on standard error says ("" : none). Nothing
# here sends a packet: what is good says --dry-run.
table='
2||no target
2|-Z 9.9.9.9|-Z: no such option
2|-4Zj 9.9.9.9|-Z: no such option
2|--json -Z4 9.9.9.9|-Z: no such option
2|--nope 9.9.9.9|--nope: no such option
2|--s x 9.9.9.9|--s: no such option
2|--json=5 9.9.9.9|--json=5: takes no value
2|-c|-c: needs a value
2|-4c|-c: needs a value
2|--count|--count: needs a value
2|--rate|--rate: needs a value
2|-c 0 9.9.9.9|-c 0:
2|-c -1 9.9.9.9|-c -1:
2|-c 1001 9.9.9.9|-c 1001:
2|-c 1e3 9.9.9.9|-c 1e3:
2|-c 5x 9.9.9.9|-c 5x:
2|-c 99999999999999999999 9.9.9.9|-c 99999999999999999999:
0|-c 1000 --dry-run 9.9.9.9|
2|-i 0 9.9.9.9|-i 0:
2|-i -1 9.9.9.9|-i -1:
2|-i nan 9.9.9.9|-i nan:
2|-i 61 9.9.9.9|-i 61:
0|-i 0.2 --dry-run 9.9.9.9|
2|-W 0 9.9.9.9|-W 0:
2|-W nan 9.9.9.9|-W nan:
2|-W inf 9.9.9.9|-W inf:
2|-W 1,5 9.9.9.9|-W 1,5:
2|-W 3600 9.9.9.9|-W 3600:
0|-W 1.5 --dry-run 9.9.9.9|
2|-S nobody 9.9.9.9|-S nobody: not an address
2|-S 192.0.2.1/32 9.9.9.9|-S 192.0.2.1/32: not an address
0|-S 192.0.2.1 --dry-run 9.9.9.9|
2|-z .. 9.9.9.9|-z ..: not a domain name
2|-z a..b 9.9.9.9|-z a..b: not a domain name
0|-z example.com. --dry-run 9.9.9.9|
2|--flows 0 9.9.9.9|--flows 0: not 1 to 64
2|--flows 65 9.9.9.9|--flows 65: not 1 to 64
0|--flows 64 --dry-run 9.9.9.9|
2|--dscp 0 9.9.9.9|--dscp 0:
2|--dscp 64 9.9.9.9|--dscp 64: not 1 to 63
2|--dscp ef 9.9.9.9|--dscp ef:
0|--dscp 63 --dry-run 9.9.9.9|
2|--only ping 9.9.9.9|--only ping: not dns, echo or trace
0|--only trace --dry-run 9.9.9.9|
2|--rate 0 9.9.9.9|--rate 0:
2|--rate 10001 9.9.9.9|--rate 10001:
2|--rate nan 9.9.9.9|--rate nan:
0|--rate 10000 --dry-run 9.9.9.9|
2|--allow-special 203.0.113.1/24 9.9.9.9|--allow-special 203.0.113.1/24: not a prefix
2|--allow-special 203.0.113.0/33 9.9.9.9|--allow-special 203.0.113.0/33: not a prefix
2|--allow-special all 9.9.9.9|--allow-special all: not a prefix
2|--allow-special 0.0.0.0/0 9.9.9.9|--allow-special 0.0.0.0/0: such addresses are never
2|--allow-special ::ffff:0:0/96 9.9.9.9|--allow-special ::ffff:0:0/96: such addresses are never
0|--allow-special 203.0.113.0/24 --dry-run -q 203.0.113.53|
2|203.0.113.53|203.0.113.53 is refused: documentation
2|9.9.9.9 10.0.0.1|10.0.0.1 is refused: private-use
2|localhost|is refused: loopback
2|--blocklist FOLDER/blocklist 9.9.9.9|9.9.9.9 is refused: on the blocklist
2|--blocklist FOLDER/blocklist 2620:fe::fe|2620:fe::fe is refused: on the blocklist
0|--blocklist FOLDER/blocklist --dry-run 9.9.8.9|
2|--blocklist FOLDER/bad-blocklist 9.9.9.9|bad-blocklist:1: not a prefix
2|--blocklist FOLDER/absent 9.9.9.9|absent: No such file
2|--site-map FOLDER/absent 9.9.9.9|absent: No such file
2|--site-map FOLDER/bad-map 9.9.9.9|bad-map:1:
0|--site-map FOLDER/map --dry-run 9.9.9.9|
2|9.9.9.9@0|9.9.9.9@0: not a port
2|9.9.9.9@65536|9.9.9.9@65536: not a port
2|9.9.9.9@|9.9.9.9@: not a port
2|9.9.9.9@dns|9.9.9.9@dns: not a port
0|--dry-run 9.9.9.9@5353|
1|1.2.3|1.2.3: not an address
1|0x7f.1|0x7f.1: not an address
1|999.1.1.1|999.1.1.1: not an address
2|-f FOLDER/absent|absent: No such file
2|-f FOLDER/bad.conf|bad.conf:2:
2|-f FOLDER/bad.conf 9.9.9.9|a round takes its targets from the file
2|-f|-f: needs a value
2|--check-config|--check-config: no configuration
2|--check-config -f FOLDER/bad.conf|bad.conf:2:
2|keygen|keygen: one file name
2|keygen a b|keygen: one file name
4|keygen FOLDER/taken|taken: File exists
4|keygen FOLDER/absent/key|absent/key: No such file
0|keygen FOLDER/new.key|
4|keygen FOLDER/new.key|new.key: File exists
1|-6 9.9.9.9|no address of this family
2|9.9.9.0/24|target 9.9.9.0/24: not a host name or address; a prefix is never expanded
2|9.9.9.9 2620:fe::/48|target 2620:fe::/48: not a host name or address
0|-h|
0|-V|
'

check() { # EXIT ARGUMENTS SAID
	timeout 20 $away "$acprobe" $2 >"$folder/out" 2>"$folder/err" </dev/null
	status=$?
	lines=$(wc -l <"$folder/err")
	if [ "$status" != "$1" ]; then
		why="exit $status"
	elif [ -z "$3" ] && [ "$lines" != 0 ]; then
		why="it says something"
	elif [ -n "$3" ] && [ "$lines" != 1 ]; then
		why="$lines lines"
	elif [ -n "$3" ] && ! grep -Fq -- "$3" "$folder/err"; then
		why="another line"
	elif [ -n "$3" ] && [ -s "$folder/out" ]; then
		why="something on standard output"
	elif ! grep -Eqv '^acprobe: ' "$folder/err"; then
		ok "acprobe $2: exit $1${3:+, \"$3\"}"
		return
	else
		why="a line of nobody"
	fi
	echo "# $why:"
	sed 's/^/# /' "$folder/err"
	not_ok "acprobe $2: exit $1${3:+, \"$3\"}"
}

echo "$table" >"$folder/table"
while IFS='|' read -r code words said; do
	[ -n "$code" ] || continue
	words=$(echo "$words" | sed "s|FOLDER|$folder|g")
	check "$code" "$words" "$said"
done <"$folder/table"

# Ten thousand addresses and no more.
for count in 10000 10001; do
	words=$(awk "BEGIN { for (i = 0; i < $count; i++)
		printf \"9.9.%d.%d \", i / 250, i % 250 + 1 }")
	timeout 20 $away "$acprobe" --dry-run --only echo -c 1 $words \
	    >"$folder/out" 2>"$folder/err" </dev/null
	case $count,$?,$(wc -l <"$folder/out"),$(cat "$folder/err") in
	10000,0,10000, | 10001,2,0,"acprobe: more than 10000 addresses")
		ok "$count addresses: $(head -n 1 "$folder/err" | grep . || echo asked)" ;;
	*)
		not_ok "$count addresses" ;;
	esac
done

# An empty word and one that is foreign, by themselves: the table splits words.
for word in '' 'a b' "$(printf 'x\033[31my')" "$(printf '%0300d' 0 | tr 0 a).b"
do
	timeout 20 $away "$acprobe" "$word" >"$folder/out" 2>"$folder/err" </dev/null
	status=$?
	if [ $status != 0 ] && [ $status -le 2 ] &&
	    [ "$(wc -l <"$folder/err")" = 1 ] &&
	    ! grep -q "$(printf '\033')" "$folder/err"; then
		ok "a target of ${#word} strange bytes: exit $status and one line"
	else
		sed 's/^/# /' "$folder/err"
		not_ok "a target of ${#word} strange bytes: exit $status"
	fi
done
modes=$(stat -c %a "$folder/new.key" "$folder/new.key.pub" | tr '\n' ' ')
if [ "$modes" = "600 644 " ]; then
	ok "a key is its owner's alone"
else
	not_ok "a key is its owner's alone"
fi
tap_done
