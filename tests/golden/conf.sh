#!/bin/sh
# Proves what acprobe understands of a configuration, and how each refusal reads.
# `UPDATE=1 tests/golden/conf.sh` writes what it sees as the new truth.
cd "$(dirname "$0")/../.." || exit 2
acprobe=$(realpath "${B:-build}/acprobe") || exit 2
cases=$(realpath tests/golden/conf)
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
umask 022
count=0 failed=0

result() { # STATUS SENTENCE
	count=$((count + 1))
	[ "$1" = 0 ] || failed=1 not='not '
	echo "${not-}ok $count - $2"
	unset not
}
compare() { # EXPECTED SEEN SENTENCE
	[ -n "$UPDATE" ] && cp "$2" "$1"
	diff -u "$1" "$2" >"$folder/diff" 2>&1
	status=$?
	sed 's/^/# /' "$folder/diff"
	result $status "$3"
}
check() { # FILE: its exit code; what it says is in out and err
	(cd "$folder" && "$acprobe" --check-config -f "$1" >out 2>err)
}

for case in "$cases"/*.in; do
	name=$(basename "$case" .in)
	cp "$case" "$folder/$name.conf"
	chmod 644 "$folder/$name.conf"
	check "$name.conf"
	code=$?
	if [ $code = 0 ]; then
		[ ! -e "$cases/$name.err" ] || [ -n "$UPDATE" ]
		result $? "$name is taken"
		compare "$cases/$name.ok" "$folder/out" "$name is understood"
		cp "$folder/out" "$folder/first"
		cp "$folder/out" "$folder/again.conf"
		check again.conf && cmp -s "$folder/first" "$folder/out"
		result $? "$name: what is printed says the same again"
	else
		[ $code = 2 ] && [ ! -s "$folder/out" ] &&
		    [ "$(wc -l <"$folder/err")" = 1 ]
		result $? "$name: exit 2 and one line"
		compare "$cases/$name.err" "$folder/err" "$name is refused"
	fi
done
printf 'vp = a\n' >"$folder/open.conf"
chmod 666 "$folder/open.conf"
check open.conf
[ $? = 2 ] && grep -q 'writable by others' "$folder/err"
result $? "a configuration that others can write is refused"
check nowhere.conf
[ $? = 2 ] && grep -q 'nowhere.conf: No such file' "$folder/err"
result $? "a configuration that is not there is named"
echo "1..$count"
exit $failed
