#!/bin/sh
# Proves that some seconds of fuzzing break no parser (every fuzz_*.c here).
# time limit: 900 s
#
# FUZZ_SECONDS=N   for each target (default 5)
# FUZZ_SEED=N      libFuzzer's seed; each run prints its own
# FUZZ_CORPUS=DIR  start with and add to DIR/TARGET
# TARGET...        arguments: only these, such as dns_reply
#
# A target NAME is fuzz_NAME.c; seeds/NAME, where there is one, is run with a
# folder to fill. A crash goes into a golden packet, or into the like of it.
. "$(dirname "$0")/../lint/tap.sh"

seconds=${FUZZ_SECONDS:-5}
seed=${FUZZ_SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
build=${B:-build}/fuzz
options="-max_total_time=$seconds -timeout=2 -rss_limit_mb=1024
    -print_final_stats=1 -seed=$seed"
echo "# seed $seed, $seconds s each"

if ! echo 'int LLVMFuzzerTestOneInput(const char *b, unsigned long n);
    int LLVMFuzzerTestOneInput(const char *b, unsigned long n)
    { volatile char c = b[n]; return c & 0; }' |
    clang -x c -g -fsanitize=fuzzer,address -o "$folder/planted" - \
    2>"$folder/said"; then
	skip "every target survives" "clang and libFuzzer are not here"
	tap_done
fi
# shellcheck disable=SC2086 # a list of options
if "$folder/planted" $options -artifact_prefix="$folder/" \
    >"$folder/said" 2>&1; then
	not_ok "a planted overrun is found"
else
	found_in 'heap-buffer-overflow' "$folder/said" \
	    "a planted overrun is found"
fi
rm -f "$folder"/crash-*

show_crash() { # NAME
	grep -E 'ERROR|SUMMARY|Assertion|assert|#[0-9]+ 0x' "$folder/said" |
	    head -n 20 | sed 's/^/# /'
	for crash in "$folder"/crash-* "$folder"/timeout-* \
	    "$folder"/oom-* "$folder"/leak-*; do
		[ -e "$crash" ] || continue
		echo "# $1: the input, $(wc -c <"$crash") bytes:"
		od -An -v -tx1 "$crash" | head -n 100 | sed 's/^/#/'
		rm -f "$crash"
	done
}

fuzz() { # NAME
	target=$build/tests/fuzz/fuzz_$1
	sentence="fuzz_$1 finds nothing"
	if ! make -s --no-print-directory CC=clang \
	    SAN=fuzzer-no-link,address,undefined B="$build" "$target" \
	    >"$folder/said" 2>&1; then
		tail -n 20 "$folder/said" | sed 's/^/# /'
		not_ok "fuzz_$1 can be built"
		return
	fi
	corpus=${FUZZ_CORPUS:-$folder/corpus}/$1
	mkdir -p "$corpus" "$folder/seeds/$1"
	if [ -x "tests/fuzz/seeds/$1" ] &&
	    ! "tests/fuzz/seeds/$1" "$folder/seeds/$1"; then
		not_ok "fuzz_$1 has its seeds"
		return
	fi
	# shellcheck disable=SC2086 # a list of options
	if ! "$target" $options -artifact_prefix="$folder/" "$corpus" \
	    "$folder/seeds/$1" >"$folder/said" 2>&1; then
		show_crash "$1"
		not_ok "$sentence"
		return
	fi
	units=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/said")
	edges=$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$folder/said" | tail -n 1)
	echo "# fuzz_$1: $units inputs, $edges edges"
	# A target that reaches no code of ours proves nothing.
	if [ "${units:-0}" -ge 100 ] && [ "${edges:-0}" -ge 20 ]; then
		ok "$sentence"
	else
		not_ok "fuzz_$1 reaches code"
	fi
}

if [ $# = 0 ]; then
	for source in tests/fuzz/fuzz_*.c; do
		name=${source#tests/fuzz/fuzz_}
		set -- "$@" "${name%.c}"
	done
fi
for name; do
	fuzz "$name"
done
tap_done
