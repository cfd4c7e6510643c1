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
(
	exec <&- >&- 2>&-
	"$bin/acprobe" keygen new.key
)
status=$?
if "$bin/accollect" vp add x --key new.key.pub --db d.db >out 2>&1; then
	ok "a key that is made then is a key (exit $status)"
else
	sed 's/^/# /' out
	not_ok "a key that is made then is a key (exit $status)"
fi
tap_done
