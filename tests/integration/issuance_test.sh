#!/usr/bin/env bash
# Fifty issuances in a row against a Pebble that is as nasty as it can be: 15 %
# bad nonces, random sleeps, half of the authorizations reused.  Each must
# succeed, and the CA must have issued exactly fifty.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv softhsm2-util openssl curl

count=${ISSUANCES:-50}
types=(ec-p256 ec-p384 rsa-2048)

lab_open
trap lab_close EXIT
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
lab_dns
lab_pebble PEBBLE_WFE_NONCEREJECT=15 PEBBLE_AUTHZREUSE=50 \
	PEBBLE_VA_SLEEPTIME=1
configuration first.example.org </dev/null >"$LAB/conf"
deploy_program
lab_broker "$LAB/conf"
kb order watch 1 >/dev/null || fail "the configured certificate"

for ((i = 2; i <= count; i++)); do
	kb certificate declare "c$i" --account main \
		--name "n$((i % 7)).example.org" \
		--name "m$((i % 5)).example.org" \
		--key-type "${types[i % 3]}" --order --wait \
		>"$LAB/declare.$i" 2>&1 ||
		fail "issuance $i: $(cat "$LAB/declare.$i")"
	openssl x509 -in "$LAB/state/certificates/c$i/cert.pem" -noout ||
		fail "issuance $i left no certificate"
	[ $((i % 10)) -ne 0 ] || echo "$i issuances"
done
[ "$(issued_at_ca)" -eq "$count" ] ||
	fail "$(issued_at_ca) certificates at the CA instead of $count"
grep -q 'badNonce\|bad nonce\|JWS has an invalid anti-replay nonce' \
	"$LAB/pebble.log" || echo "note: Pebble does not log its bad nonces"
kb audit verify "$LAB/state/audit/audit.log" || fail "audit"
echo "$count issuances, each exactly once"
