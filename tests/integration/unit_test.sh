#!/usr/bin/env bash
# The systemd units: what systemd-analyze thinks of them is what README.md says,
# and a whole issuance succeeds with no more system calls, capabilities and
# users than they leave.  No systemd runs here: the limits that matter are put
# on by other programs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv softhsm2-util openssl curl systemd-analyze \
	systemd-socket-activate setpriv jq

systemd=$here/../../contrib/systemd
readme=$here/../../README.md
say() { echo "ok $*"; }

lab_open
trap lab_close EXIT

# ------------------------------------------------------------------ figures

units=$LAB/root/usr/lib/systemd/system
dropins=$LAB/root/etc/systemd/system/keybroker.service.d
mkdir -p "$units" "$dropins"
sed 's,@SBINDIR@,/usr/sbin,g' "$systemd/keybroker.service" \
	>"$units/keybroker.service"

score() {
	systemd-analyze security --offline=true --root="$LAB/root" --no-pager \
		keybroker.service | sed -n 's/.*service: \([0-9.]*\) .*/\1/p'
}

check_score() { # NAME SCORE
	[ -n "$2" ] || fail "$1 has no score"
	grep -q "^| \`$1\` |.* $2 |\$" "$readme" ||
		fail "README.md says something else than $2 about $1"
	say "$1: $2, as README.md says"
}

check_score keybroker.service "$(score)"
cp "$systemd/one-user.conf" "$dropins"
check_score one-user.conf "$(score)"
[ "$(score | tr -d .)" -lt 15 ] || fail "one-user.conf: not under 1.5"

# ------------------------------------------------------------------- limits

# All settings of a name, in the order in which systemd reads them.
settings() { # NAME FILE...
	local name=$1
	shift
	sed -n "s/^$name=//p" "$@"
}

# The names of system calls in a group, and in groups in it.
members() { # NAME...
	local name
	for name in "$@"; do
		case $name in
		@*) # shellcheck disable=SC2046 # one word a name
			members $(systemd-analyze syscall-filter "$name" |
				sed '1d; /#/d') ;;
		*) echo "$name" ;;
		esac
	done
}

# The system calls that SystemCallFilter= leaves.
calls() { # FILE...
	local line
	: >"$LAB/calls"
	settings SystemCallFilter "$@" >"$LAB/filters"
	# shellcheck disable=SC2086 # one word a name
	while read -r line; do
		case $line in
		\~*) members ${line#\~} | sort -u >"$LAB/minus"
			sort -u "$LAB/calls" | comm -23 - "$LAB/minus" \
				>"$LAB/left"
			mv "$LAB/left" "$LAB/calls" ;;
		*) members $line >>"$LAB/calls" ;;
		esac
	done <"$LAB/filters"
	sort -u "$LAB/calls"
}

# What CapabilityBoundingSet= leaves, as setpriv(1) wants it: "-all,+kill".
capabilities() { # FILE...
	settings CapabilityBoundingSet "$@" | tail -n 1 | tr 'A-Z' 'a-z' |
		sed 's/cap_/+/g; s/^ *//; s/ /,/g; s/^./,&/; s/^/-all/'
}

# Leaves the command that puts the limits on in $limit; only root has a bounding
# set to take from.
limits() { # USER FILE...
	local user=$1 who=()
	shift
	if [ "$(id -u)" = 0 ]; then
		who=("--bounding-set=$(capabilities "$@")")
		[ "$user" = root ] || who+=(--reuid "$user" --regid "$user"
			--clear-groups)
	fi
	mapfile -t names < <(calls "$@")
	[ "${#names[@]}" -gt 100 ] || fail "no system calls in $*"
	limit=(setpriv --no-new-privs --inh-caps=-all "${who[@]}"
		"$BUILD/tests/integration/filter_fake" only "${names[@]}" --)
}

issue() { # COMMAND...: a broker, and a certificate from it
	lab_start keybrokerd "$@" --config "$LAB/conf"
	LAB_BROKER_PID=$LAB_LAST
	# systemd-socket-activate waits for somebody to come.
	lab_wait 50 lab_listens "$LAB_HTTP_PORT"
	lab_wait 300 lab_up
	lab_ready || fail "the broker is not ready"
	kb order watch 1 >"$LAB/watch.log" || fail "no certificate"
	kb --json status >"$LAB/status.log"
	for role in core issuer; do
		[ "$(jq -r '.processes[] | select(.role == "'$role'") |
			.sandbox' "$LAB/status.log")" = landlock+seccomp ] ||
			fail "$role cannot confine itself"
	done
	lab_stop "$LAB_BROKER_PID"
}

lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
lab_dns
lab_pebble PEBBLE_VA_NOSLEEP=1
chmod 711 "$LAB"
chmod 644 "$LAB/softhsm2.conf" "$LAB_TRUST"

if [ "$(id -u)" = 0 ]; then
	configuration www.example.org <<-END >"$LAB/conf"
		core { user "daemon" }
		signer { user "bin" }
		issuer { user "nobody" }
	END
	deploy_program
	chown -R bin "$LAB/tokens"
	limits root "$systemd/keybroker.service"
	issue "${limit[@]}" "$LAB_BIN/keybrokerd"
	say "a certificate below the limits of keybroker.service"
	rm -rf "$LAB/state" "$LAB/deployed"
	chown -R daemon "$LAB" # the one user
else
	echo "skip the limits of keybroker.service: we are not root"
fi

# Its port comes from systemd, which it may not open: it is not free any more.
configuration www.example.org </dev/null >"$LAB/conf"
deploy_program
chmod 755 "$LAB/deploy"
limits daemon "$systemd/keybroker.service" "$systemd/one-user.conf"
issue systemd-socket-activate --listen="127.0.0.1:$LAB_HTTP_PORT" \
	--fdname=http-01 -E "SOFTHSM2_CONF=$SOFTHSM2_CONF" \
	"${limit[@]}" "$LAB_BIN/keybrokerd"
say "a certificate below those of one-user.conf, its port from systemd"
