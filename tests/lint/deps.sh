#!/bin/sh
# Proves that tests/deps/install starts nothing, enables nothing and puts back what it moved.
. "$(dirname "$0")/tap.sh"

# A machine of stubs: dpkg-query knows what apt-get "installed"; apt-get
# notes what policy-rc.d said and leaves links behind as packages do.
fake=$folder/root
bin=$folder/bin
mkdir -p "$bin"
cat >"$bin/dpkg-query" <<'END'
#!/bin/sh
for last; do :; done
grep -qx "$last" "$DEPS_ROOT/installed" && echo installed
END
cat >"$bin/apt-get" <<'END'
#!/bin/sh
echo "$*" >>"$DEPS_ROOT/apt"
[ "$1" = install ] || exit 0
"$DEPS_ROOT/usr/sbin/policy-rc.d" named start; echo $? >"$DEPS_ROOT/policy"
[ ! -e "$DEPS_ROOT/broken" ] || exit 100
shift
for name; do echo "$name"; done >>"$DEPS_ROOT/installed"
ln -s /lib/x "$DEPS_ROOT/etc/systemd/system/multi-user.target.wants/named.service"
ln -s /lib/x "$DEPS_ROOT/etc/systemd/system/bind9.service"
ln -s ../init.d/nsd "$DEPS_ROOT/etc/rc2.d/S01nsd"
END
cat >"$bin/update-rc.d" <<'END'
#!/bin/sh
[ "$2" = disable ] && mv "$DEPS_ROOT/etc/rc2.d/S01$1" "$DEPS_ROOT/etc/rc2.d/K01$1"
END
printf '#!/bin/sh\nexit 1\n' >"$bin/deb-systemd-helper"
cp "$bin/deb-systemd-helper" "$bin/node" # from another origin
printf '#!/bin/sh\necho ${FAKE_UID:-0}\n' >"$bin/id"
chmod 755 "$bin"/*

fresh() { # a machine with an enabled service of its own and an own policy
	rm -rf "$fake"
	mkdir -p "$fake/usr/sbin" "$fake/etc/rc2.d" \
	    "$fake/etc/systemd/system/multi-user.target.wants"
	: >"$fake/apt"
	ln -s /lib/ssh "$fake/etc/systemd/system/multi-user.target.wants/ssh.service"
	ln -s ../init.d/cron "$fake/etc/rc2.d/S01cron"
	echo gcc >"$fake/installed"
	printf '#!/bin/sh\nexit 104\n' >"$fake/usr/sbin/policy-rc.d"
	chmod 755 "$fake/usr/sbin/policy-rc.d"
}
install() {
	DEPS_ROOT=$fake PATH=$bin:$PATH tests/deps/install "$@" \
	    >"$folder/said" 2>&1
}
holds() { # SENTENCE COMMAND...
	sentence=$1
	shift
	if "$@"; then
		ok "$sentence"
	else
		sed 's/^/# /' "$folder/said"
		not_ok "$sentence"
	fi
}
links() {
	find "$fake/etc" -type l -name "$1" | grep -q .
}
policy_is_back() { grep -q 'exit 104' "$fake/usr/sbin/policy-rc.d"; }
not() { ! "$@"; }

fresh
holds "it installs what is missing" install
found_in '^install .* clang .* unbound' "$fake/apt" "it asks for the whole list"
grep -E '^install .* nodejs( |$)' "$fake/apt" >"$folder/node" || :
nothing_in "$folder/node" "but for packages whose command is there already"
found_in '^101$' "$fake/policy" "services are forbidden while packages install"
holds "the machine's own policy-rc.d is back" policy_is_back
holds "a service that came along is not enabled" not links 'named.service'
holds "nor is its alias" not links 'bind9.service'
holds "nor its init script" not links 'S01nsd'
holds "what was enabled before still is" links 'ssh.service'
holds "init scripts too" links 'S01cron'
head -n 1 "$folder/said" >"$folder/first"
found_in '^deps: will install: .*bind9' "$folder/first" "the list is printed first"

holds "a second time there is nothing to do" install
found_in 'every package is installed' "$folder/said" "and it says so"
holds "--check agrees" install --check

fresh
rm "$fake/usr/sbin/policy-rc.d"
install
holds "where there was no policy-rc.d there is none again" \
    not test -e "$fake/usr/sbin/policy-rc.d"

fresh
: >"$fake/broken"
holds "it fails when apt-get fails" not install
holds "and puts policy-rc.d back all the same" policy_is_back

fresh
FAKE_UID=1000
export FAKE_UID
holds "without root it fails" not install
found_in 'type: make deps' "$folder/said" "and says what to type"
holds "and does not call apt-get" not test -s "$fake/apt"
holds "--check fails while something is missing" not install --check
tap_done
