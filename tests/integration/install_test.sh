#!/usr/bin/env bash
# What `make install` leaves stands on its own: programs run from there, the
# library and its headers compile a program, the try programs find what they
# need, systemd reads the units, and uninstall takes everything away.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
unset MAKEFLAGS MAKELEVEL MFLAGS
# What is installed is the release build, wherever the tests run from.
build=${RELEASE:-${BUILD:-build/release}}
dest=$(mktemp -d /tmp/keybroker.XXXXXX)
trap 'rm -rf "$dest"' EXIT

say() { echo "ok $*"; }
fail() {
	echo "FAIL: $*" >&2
	[ ! -s "$dest/log" ] || tail -n 20 "$dest/log" >&2
	exit 1
}
log() { # TITLE COMMAND...
	local title=$1
	shift
	"$@" >"$dest/log" 2>&1 || fail "$title"
	say "$title"
}

check_prefix() { # PREFIX
	local prefix=$1 root=$dest/root
	local bin=$root$prefix/bin sbin=$root$prefix/sbin
	local share=$root$prefix/share/keybroker

	log "$prefix: make install" make -s "BUILD=$build" "DESTDIR=$root" \
		"PREFIX=$prefix" install
	log "$prefix: keybroker --help" "$bin/keybroker" --help
	printf 'state "/x"\nlistener "api" { path "/x/s" }\n' >"$dest/conf"
	chmod 600 "$dest/conf"
	log "$prefix: keybrokerd --check" "$sbin/keybrokerd" --check "$dest/conf"
	log "$prefix: keybroker config print" "$bin/keybroker" config print \
		"$dest/conf"
	grep -q '^state "/x"' "$dest/log" || fail "nothing was printed"
	for program in core signer issuer; do
		[ -x "$root$prefix/libexec/keybroker/keybroker-$program" ] ||
			fail "no keybroker-$program"
	done
	log "$prefix: try-token" "$bin/keybroker-try-token" --help
	log "$prefix: try-ca" "$bin/keybroker-try-ca" --help
	# shellcheck disable=SC2016 # for the other shell
	log "$prefix: lab.sh finds the programs" env -u LAB_BIN bash -c '
		. "$1" && lab_find_programs &&
		case $(realpath "$LAB_BIN" "$LAB_KEYBROKER" "$LAB_SIGNER") in
		"$2"/sbin*"$2"/bin/*"$2"/libexec/*) ;;
		*) exit 1 ;;
		esac' - "$share/lab.sh" "$root$prefix"
	if grep -rn '@[A-Z]*@' "$root$prefix/lib/systemd" \
		"$root$prefix/lib/pkgconfig" >"$dest/log"; then
		fail "a place was not filled in"
	fi
	check_library "$root$prefix" "$share/examples/status.c"
	check_units "$root$prefix"
	log "$prefix: make uninstall" make -s "BUILD=$build" "DESTDIR=$root" \
		"PREFIX=$prefix" uninstall
	find "$root" ! -type d >"$dest/log"
	find "$root" -name '*keybroker*' >>"$dest/log"
	[ ! -s "$dest/log" ] || fail "something was left"
	say "$prefix: nothing is left"
}

# The example against the installed headers and library, in C and no other
# flags than those of pkg-config; but a library for the sanitizers wants them.
check_library() { # ROOT EXAMPLE
	local flags code=0
	flags=$(PKG_CONFIG_PATH=$1/lib/pkgconfig pkg-config --define-prefix \
		--cflags --libs libkeybroker) || fail "pkg-config"
	! grep -q __asan_init "$1/lib/libkeybroker.a" ||
		flags="$flags -fsanitize=address,undefined"
	# shellcheck disable=SC2086 # flags are words
	"${CC:-cc}" -std=c11 -Wall -Wextra -Werror -o "$dest/status" "$2" \
		$flags >"$dest/log" 2>&1 || fail "the example does not compile"
	"$dest/status" "$dest/nothing" >"$dest/log" 2>&1 || code=$?
	[ "$code" = 3 ] || fail "the example exits with $code"
	say "${1#"$dest/root"}: the client library"
}

check_units() { # ROOT
	local root
	command -v systemd-analyze >/dev/null || {
		echo "skip units: no systemd-analyze"
		return 0
	}
	# In a root of its own, where the unit's program is what it names.
	root=$dest/systemd
	rm -rf "$root"
	mkdir -p "$root/usr/lib/systemd/system" "$root/etc"
	cp "$1"/lib/systemd/system/keybroker* "$root/usr/lib/systemd/system"
	mkdir -p "$root/$(dirname "${1#"$dest/root"}/sbin/x")"
	cp "$1/sbin/keybrokerd" "$root/${1#"$dest/root"}/sbin"
	systemd-analyze --root="$root" --man=no verify keybroker.service \
		keybroker.socket keybroker-http.socket >"$dest/log" 2>&1 || :
	# Units that this root does not have are not ours.
	if grep -E 'keybroker(-http)?[.](service|socket)' "$dest/log" |
		grep -v 'Failed to create .*/start:' >"$dest/mistakes"; then
		cp "$dest/mistakes" "$dest/log"
		fail "systemd does not like the units"
	fi
	if command -v systemd-sysusers >/dev/null; then
		systemd-sysusers --root="$root" \
			"$1/lib/sysusers.d/keybroker.conf" >"$dest/log" 2>&1 ||
			fail "systemd-sysusers"
		for user in $(grep -h -o 'keybroker-[a-z]*"' README.md \
			contrib/keybroker.conf.example | tr -d '"' | sort -u); do
			grep -q "^$user:" "$root/etc/passwd" "$root/etc/group" ||
				fail "$user is not made"
		done
	fi
	say "${1#"$dest/root"}: units and users"
}

check_prefix /usr
check_prefix /opt/key-broker
