#!/bin/sh
# Proves that what standard output does not take ends with exit 4 and one line, of all four programs, and that a closed one or standard error lends its place to no file.
. "$(dirname "$0")/../lint/tap.sh"
bin=${B:-build}
case $bin in /*) ;; *) bin=$root/$bin ;; esac
cd "$folder" || exit 2

result() { # STATUS SENTENCE
	if [ "$1" = 0 ]; then ok "$2"; else not_ok "$2"; fi
}

# PROGRAM REASON STATUS, of what is in err
said() {
	if [ "$3" = 4 ] && [ "$(cat err)" = "$1: standard output: $2" ]; then
		return 0
	fi
	echo "# exit $3:"
	sed 's/^/# /' err
	return 1
}

for program in acprobe acship accollect acreport; do
	for option in -h --help -V --version; do
		sentence="$program $option"
		"$bin/$program" $option >out 2>err
		status=$?
		if [ $status = 0 ] && [ -s out ] && ! [ -s err ]; then
			ok "$sentence is printed"
		else
			not_ok "$sentence is printed"
		fi
		if [ -c /dev/full ]; then
			"$bin/$program" $option >/dev/full 2>err
			said $program "No space left on device" $?
			result $? "$sentence, where there is no room"
		else
			skip "$sentence, where there is no room" "no /dev/full"
		fi
		"$bin/$program" $option 2>err >&-
		said $program "Bad file descriptor" $?
		result $? "$sentence, where it is closed"
	done
done

# What is printed of this file would be written into the first one that is
# opened, the lock.
echo junk >junk
"$bin/accollect" init --db d.db || exit 2
"$bin/accollect" import --db d.db junk 2>err >&-
said accollect "Bad file descriptor" $?
result $? "accollect import, where it is closed"
nothing_in d.db.lock "what is printed then goes nowhere"
"$bin/accollect" check --db d.db >out 2>&1
result $? "and the database is whole"

# acship holds the folder and its lock when it says that it cannot bring the
# batch: with input and errors closed that would stand in the lock.
"$bin/acprobe" keygen key >out || exit 2
cat >conf <<END
vp = "lon1"
key = "$folder/key"
spool = "$folder/spool"
splay = "0s"
collector = "https://127.0.0.1:1"
allow_special = "127.0.0.0/8"
target t { address = "127.0.0.1@9" echo = false }
END
"$bin/acprobe" -f conf >out 2>&1
"$bin/acship" -f conf 2>err
found_in '^acship: ' err "acship says that it cannot bring a batch"
"$bin/acship" -f conf <&- 2>&-
grep -l 'acship: ' spool/* >out
nothing_in out "where input and errors are closed, into no file"

# What a program opens, by strace: FILE.. of ours have numbers behind those
# of standard input, output and error.
apart() { # WANTED PROGRAM WORD...
	wanted=$1
	shift
	sentence="$1 $2, where all three are closed: no file has their numbers"
	if ! strace -o trace true >out 2>&1; then
		skip "$sentence" "needs strace"
		return
	fi
	program=$bin/$1
	shift
	strace -f -qq -o trace -e trace=open,openat,creat \
	    sh -c 'exec "$@" <&- >&- 2>&-' sh "$program" "$@"
	status=$?
	# Relative names, and those in this folder, which are there.
	grep -E "[( ]\"([A-Za-z.]|$folder).* = [0-9]+\$" trace >opened
	if [ "$status" = "$wanted" ] && [ -s opened ] &&
	    ! grep -q ' = [012]$' opened; then
		ok "$sentence"
		return
	fi
	echo "# exit $status"
	sed 's/^/# /' opened
	not_ok "$sentence"
}

apart 0 acprobe keygen new.key
apart 1 acship -f conf
apart 0 acreport latency --db d.db -o new.csv
apart 4 accollect check --db d.db # says on standard output what it did
if "$bin/accollect" vp add x --key new.key.pub --db d.db >out 2>&1; then
	ok "a key that is made then is a key"
else
	sed 's/^/# /' out
	not_ok "a key that is made then is a key"
fi
tap_done
