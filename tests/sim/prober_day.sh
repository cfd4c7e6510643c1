#!/bin/sh
# Proves over simulated days of a hostile network that each question ends as one true record, at a decent pace and in time.
#
# usage: prober_day.sh [SEED]     (else one is drawn, and printed; in CI it is 1)
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 2
build=${B:-build}/san
day=$build/tests/sim/prober_day
seed=${1:-${CI:+1}}
seed=${seed:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
said=$(mktemp) || exit 2
trap 'rm -f "$said"' EXIT
trap 'exit 1' INT TERM HUP
count=0
failed=0

result() { # STATUS SENTENCE
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
	else
		failed=$((failed + 1))
		echo "not ok $count - $2"
	fi
}

make -s SAN=address,undefined B="$build" "$day" >"$said" 2>&1 || {
	sed 's/^/# /' "$said"
	result 1 "the simulation builds with sanitizers"
	echo "1..1"
	exit 1
}

run_days() { # SEED ROUNDS SENTENCE
	"$day" "$1" "$2" >"$said" 2>&1
	status=$?
	echo "# seed $1"
	sed 's/^\([^#]\)/# \1/' "$said"
	result $status "$3"
}
run_days 1 288 "a day of rounds keeps every promise"
run_days "$seed" 864 "three days of a seed drawn now do, too"

# A planted fault is found, by the promise that it breaks.
plant() { # FAULT PROMISE SENTENCE
	"$day" 1 40 "$1" >"$said" 2>&1
	status=$?
	[ $status = 1 ] && grep -q "broken in round.*$2" "$said"
	status=$?
	[ $status = 0 ] || sed 's/^/# /' "$said"
	result $status "$3"
}
plant betray "the name is the host's own" \
    "a forged name that is taken is found"
plant forget "each ask ends as one record, no less" "a lost record is found"
plant haste "the vantage point keeps its rate" "a rate not kept is found"
plant wall "the path's, not a clock's" \
    "a round trip by the wall clock across a step is found"
plant sleep "that the host slept is noted" "a sleep that is not noted is found"
plant again "nothing is asked again without need" \
    "a question asked again without need is found"
echo "1..$count"
[ "$failed" = 0 ]
