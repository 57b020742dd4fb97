#!/usr/bin/env bash
# SIGKILL of each process at each step of an order.  The test build of the
# broker stops at a named point; one process is killed there; the order must
# be finished afterwards, with one certificate at the CA, one key for each
# purpose in the token, a consistent store and an unbroken audit chain.
#
# Usage: kill_test.sh [POINT [VICTIM]]; without arguments all of them, in
# KILL_JOBS parallel laboratories (default 4).  KILL_POINTS, a list of points,
# replaces all of them where time is short.  (tests/run: long)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
LAB_BIN=${LAB_BIN:-$here/../../build/test}
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv pkcs11-tool openssl curl

victims=(keybrokerd keybroker-core keybroker-signer keybroker-issuer)
jobs=${KILL_JOBS:-4}

pid_of() { # VICTIM
	if [ "$1" = keybrokerd ]; then
		echo "$LAB_BROKER_PID"
		return
	fi
	local pid
	for pid in $(cat "/proc/$LAB_BROKER_PID/task/$LAB_BROKER_PID/children"); do
		if [[ $1 == "$(cat "/proc/$pid/comm")"* ]]; then
			echo "$pid"
			return
		fi
	done
}

start_broker() {
	lab_start keybrokerd "$LAB_BIN/keybrokerd" --config "$LAB/conf"
	LAB_BROKER_PID=$LAB_LAST
}

prepare() {
	lab_open
	trap lab_close EXIT
	lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
	cp -r "$LAB/tokens" "$LAB/tokens.fresh"
	lab_dns
	lab_pebble PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0
	configuration www.example.org example.org </dev/null >"$LAB/conf"
	deploy_program
	export KEYBROKER_POINT_FILE=$LAB/point
}

finished() {
	[ "$(kb --json certificate show www 2>/dev/null | member state)" = \
		issued ] && [ -s "$LAB/deployed" ] &&
		kb --json order show 1 | grep -q '"ended":true' &&
		kb --json certificate show www | grep -q '"state":"deployed"'
}

children_gone() { # PIDS...
	local pid
	for pid in "$@"; do
		lab_gone "$pid" || return 1
	done
}

# A SoftHSM that is killed while it writes may leave a file that is no object,
# or an object without a name, of which nobody can say whose it is: then the
# token itself is asked for ours, by a program that is not ours.
visible_objects() {
	lab_with_pin pkcs11-tool --module "$LAB_SOFTHSM" --token-label lab \
		--login --list-objects >"$LAB/objects.log"
	grep -c '^ *label: *kb1:' "$LAB/objects.log"
}

# One run: fresh state, stop at the point, kill the victim, let it heal.
run_one() { # POINT VICTIM
	local before pids pid victim_pid objects
	rm -rf "$LAB/state" "$LAB/tokens" "$LAB/deployed" "$LAB"/point*
	cp -r "$LAB/tokens.fresh" "$LAB/tokens"
	before=$(issued_at_ca)
	printf '%s' "$1" >"$LAB/point"
	start_broker
	lab_wait 200 test -e "$LAB/point.reached" || fail "$1 was not reached"
	sleep 0.05 # until the process has stopped itself
	pids=$(cat "/proc/$LAB_BROKER_PID/task/$LAB_BROKER_PID/children")
	victim_pid=$(pid_of "$2")
	# early points come before some processes are born
	if [ -n "$victim_pid" ]; then
		kill -KILL "$victim_pid"
	fi
	for pid in $pids; do
		[ "$pid" = "$victim_pid" ] || kill -CONT "$pid" 2>/dev/null || :
	done
	if [ "$2" = keybrokerd ]; then
		wait "$LAB_BROKER_PID" 2>/dev/null || :
		# shellcheck disable=SC2086
		lab_wait 50 children_gone $pids || fail "$1: orphans"
		start_broker
	fi
	lab_wait 400 finished || fail "$1 $2: the order did not finish:
$(kb --json order list; kb --json order show 1; kb --json certificate show www)"
	[ "$(issued_at_ca)" -eq $((before + 1)) ] ||
		fail "$1 $2: $(($(issued_at_ca) - before)) certificates at the CA"
	objects=$(find "$LAB/tokens" -name '*.object' ! -name token.object | wc -l)
	[ "$objects" -eq 6 ] || objects=$(visible_objects)
	[ "$objects" -eq 6 ] || fail "$1 $2: $objects objects in the token, not 6"
	openssl x509 -in "$LAB/state/certificates/www/cert.pem" -noout ||
		fail "$1 $2: no certificate"
	kb audit verify "$LAB/state/audit/audit.log" >"$LAB/verify.log" 2>&1 ||
		fail "$1 $2: audit: $(cat "$LAB/verify.log")"
	lab_stop "$LAB_BROKER_PID"
	kb audit verify "$LAB/state/audit/audit.log" >"$LAB/verify.log" 2>&1 ||
		fail "$1 $2: audit after the stop: $(cat "$LAB/verify.log")"
	echo "ok $1 $2"
}

# A file of lines "POINT VICTIM", every jobs-th of which is ours.
run_share() { # FILE SHARE
	local i=0 point victim
	prepare
	while read -r point victim; do
		if [ $((i++ % jobs)) -eq "$2" ]; then
			run_one "$point" "$victim"
		fi
	done <"$1"
}

if [ $# -gt 0 ]; then
	prepare
	[ $# -lt 2 ] || victims=("$2")
	for victim in "${victims[@]}"; do
		run_one "$1" "$victim"
	done
	exit 0
fi

list=$(mktemp)
out=$(mktemp -d)
trap 'rm -rf "$list" "$out"' EXIT
points=$("$LAB_BIN/keybroker-core" --points)
for point in ${KILL_POINTS:-$points}; do
	for victim in "${victims[@]}"; do
		echo "$point $victim"
	done
done >"$list"
# A point in the sources that the list does not know would never be tried.
grep -rhoE 'POINT\("[a-z-]+", "[a-z]+"\)' "$here/../../broker" |
	sed 's/POINT("\(.*\)", "\(.*\)")/\1.\2/' | while read -r point; do
	grep -qxF "$point" <<<"$points" || echo "FAIL: $point is not in the list"
done | { ! grep .; }
total=$(wc -l <"$list")
[ -n "${KILL_POINTS:-}" ] || [ "$total" -ge 200 ] || { echo "FAIL: only $total cases"; exit 1; }
shares=()
for ((share = 0; share < jobs; share++)); do
	(trap - EXIT; run_share "$list" "$share") >"$out/$share" 2>&1 &
	shares+=($!)
done
status=0
for share in "${!shares[@]}"; do
	wait "${shares[share]}" || status=1
	grep -v '^ok' "$out/$share" || :
done
done_count=$(cat "$out"/* | grep -c '^ok')
echo "$done_count of $total kills survived"
[ "$status" -eq 0 ] && [ "$done_count" -eq "$total" ]
