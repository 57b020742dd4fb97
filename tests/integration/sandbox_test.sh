#!/usr/bin/env bash
# A whole issuance with every process confined as it should be: users of their
# own when we are root, no rights, no core files, not traceable, seccomp and
# Landlock on core and issuer; and what happens when the kernel has less, or a
# file is replaced.  What the sandbox allows and refuses is in
# tests/unit/sandbox_test.c.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv softhsm2-util openssl curl jq

old_kernel=("$BUILD/tests/integration/filter_fake" without
	landlock_create_ruleset landlock_add_rule landlock_restrict_self --)
say() { echo "ok $*"; }

pids() { # ROLE
	kb --json status | jq -r '.processes[] | select(.role == "'"$1"'").pid'
}
level() { # ROLE
	kb --json status |
		jq -r '.processes[] | select(.role == "'"$1"'") |
			.sandbox // "absent"'
}
field() { # PID NAME: of /proc/PID/status
	sed -n "s/^$2:[[:space:]]*\([^[:space:]]*\).*/\1/p" "/proc/$1/status"
}

start() { # DEMAND [WRAPPER]: a broker whose configuration says so
	cp "$LAB/conf" "$LAB/demand.conf"
	echo "sandbox $1" >>"$LAB/demand.conf"
	shift
	lab_start keybrokerd "$@" "$LAB_BIN/keybrokerd" \
		--config "$LAB/demand.conf"
	LAB_BROKER_PID=$LAB_LAST
	lab_wait 300 lab_up
	lab_ready
}

confined() { # LEVEL SECCOMP: what status says, and what the kernel says
	local role
	for role in core issuer; do
		[ "$(level $role)" = "$1" ] &&
			[ "$(field "$(pids $role)" Seccomp)" = "$2" ] || return
	done
}

wanted=landlock+seccomp
root=
[ "$(id -u)" != 0 ] || root=1

lab_open
trap lab_close EXIT
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
lab_dns
lab_pebble PEBBLE_VA_NOSLEEP=1
deploy_program
configuration www.example.org </dev/null >"$LAB/conf"

# Three users that each system has, and the signer's owns the token's files.
if [ -n "$root" ]; then
	cat >>"$LAB/conf" <<-END
		core { user "daemon" }
		signer { user "bin" }
		issuer { user "nobody" }
	END
	chmod 711 "$LAB"
	chmod 644 "$LAB/softhsm2.conf" "$LAB_TRUST"
	chown -R bin "$LAB/tokens"
fi
if ! start full; then
	grep -q 'demands "sandbox full"' "$LAB/keybrokerd.log" ||
		fail "no start"
	echo "skipped: this kernel has no Landlock"
	exit "$SKIP"
fi
kb order watch 1 >"$LAB/watch.log" || fail "no certificate"
say "a certificate with \"sandbox full\""

confined "$wanted" 2 || fail "$(kb status)"
for role in core issuer; do
	[ "$(field "$(pids $role)" NoNewPrivs)" = 1 ] ||
		fail "$role may gain rights"
done
[ "$(level lane)" = "absent
absent" ] || fail "lanes claim to confine themselves: $(level lane)"
kb status >"$LAB/status.log"
grep -q "keybroker-core .* $wanted\$" "$LAB/status.log" ||
	fail "keybroker status does not tell"
say "core and issuer: $wanted, as keybroker status tells"

for role in supervisor core issuer lane; do
	for pid in $(pids $role); do
		grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits" ||
			fail "$role may leave a core file"
		# What belongs to root in /proc of another user's process is of
		# one that cannot be traced; and its own user cannot look.
		[ -z "$root" ] || [ "$(stat -c %u "/proc/$pid/mem")" = 0 ] ||
			fail "$role can be traced"
		[ -n "$root" ] || ! cat "/proc/$pid/environ" >"$LAB/environ" \
			2>/dev/null || fail "$role can be looked at"
	done
done
say "no core files, not traceable"

if [ -n "$root" ]; then
	for pair in core:daemon lane:bin issuer:nobody; do
		for pid in $(pids "${pair%:*}"); do
			uid=$(id -u "${pair#*:}")
			grep -q "^Uid:	$uid	$uid	$uid	$uid\$" \
				"/proc/$pid/status" || fail "$pair has another uid"
			for set in CapEff CapPrm CapInh CapAmb; do
				[ $((16#$(field "$pid" $set))) = 0 ] ||
					fail "$pair has capabilities"
			done
		done
	done
	say "a user each, without capabilities"
else
	echo "skip a user each: we are not root"
fi

# A file that is replaced is another file for Landlock.
issuer=$(pids issuer)
cp "$LAB_TRUST" "$LAB/fresh.pem"
chmod 644 "$LAB/fresh.pem"
mv "$LAB/fresh.pem" "$LAB_TRUST"
kb certificate renew www --wait >"$LAB/renew.log" || fail "no renewal"
[ "$(pids issuer)" != "$issuer" ] || fail "the issuer did not start anew"
grep -q "$LAB_TRUST has changed" "$LAB/keybrokerd.log" || fail "and did not say why"
lab_wait 50 confined "$wanted" 2 || fail "the new one: $(kb status)"
say "trust that was replaced is read by a new issuer"
lab_stop "$LAB_BROKER_PID"

# What is demanded and cannot be had ends the start; what is not demanded is
# told.
! start full "${old_kernel[@]}" || fail "it starts"
code=0
wait "$LAB_BROKER_PID" || code=$?
[ "$code" = 78 ] || fail "without Landlock, exit code $code"
grep -q 'demands "sandbox full"' "$LAB/keybrokerd.log" || fail "and no reason"
say "\"sandbox full\" on a kernel without Landlock: no start"

# The filter that makes the kernel old is there without ours, too.
start seccomp "${old_kernel[@]}" || fail "no start"
lab_wait 50 confined seccomp 2 || fail "$(kb status)"
say "\"sandbox seccomp\" on a kernel without Landlock"
lab_stop "$LAB_BROKER_PID"

start off || fail "no start"
lab_wait 50 confined none 0 || fail "$(kb status)"
say "\"sandbox off\""
