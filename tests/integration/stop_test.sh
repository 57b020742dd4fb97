#!/usr/bin/env bash
# A stop waits for nobody: not for a program of others, nor for who asks
# keybrokerd something in that moment.  What was interrupted is done after the
# next start, once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv softhsm2-util openssl curl

LIMIT=5 # seconds; keybrokerd terminates a core that needs ten

stop_in_time() { # WHAT
	local began=$SECONDS
	lab_stop "$LAB_BROKER_PID"
	[ $((SECONDS - began)) -lt "$LIMIT" ] ||
		fail "$1: $((SECONDS - began)) s"
	! grep -q 'has not stopped in time' "$LAB/keybrokerd.log" ||
		fail "$1: it was terminated"
	[ "$(tail -n 1 "$LAB/state/audit/audit.log" |
		grep -c '"event":"\(stop\|checkpoint\)"')" = 1 ] ||
		fail "$1: no last line in the audit log"
}

slow_program() {
	printf '#!/bin/sh\ntouch "%s/begun"\nsleep 9\n' "$LAB" >"$LAB/deploy"
	chmod 700 "$LAB/deploy"
}

deployed() {
	kb --json certificate show www | grep -q '"state":"deployed"'
}

lab_open
trap lab_close EXIT
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
lab_dns
lab_pebble PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0
configuration www.example.org </dev/null >"$LAB/conf"

slow_program
lab_broker "$LAB/conf"
lab_wait 300 test -e "$LAB/begun" || fail "no deployment was begun"
stop_in_time "a stop while a program runs"
echo "ok a stop does not wait for a program of others"

deploy_program
lab_broker "$LAB/conf"
lab_wait 200 deployed || fail "not deployed: $(kb order show 1)"
[ "$(wc -l <"$LAB/deployed")" = 1 ] || fail "deployed more than once"
echo "ok what it interrupted is done after the next start"

while kb --json status >/dev/null 2>&1; do :; done &
asker=$!
sleep 1
stop_in_time "a stop while somebody asks"
kill "$asker" 2>/dev/null || :
echo "ok a stop does not wait for who asks"
