#!/usr/bin/env bash
# No PIN and no private key outside the token and the PIN's own file: not in
# the state, the logs, any argument list or any environment, while an order
# runs and after it.  And no program reads an OpenSSL configuration file.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv softhsm2-util openssl curl

lab_open
trap lab_close EXIT
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
pin=$(cat "$LAB/pin")

# Argument lists and environments of everybody, seven times a second.  The
# pattern comes by a file so that grep itself does not hold the PIN.
watch_processes() {
	while [ ! -e "$LAB/stop-watching" ]; do
		grep -lsaF -f "$LAB/pin" /proc/[0-9]*/cmdline \
			/proc/[0-9]*/environ >>"$LAB/leaks" || :
		sleep 0.15
	done
}
watch_processes 2>/dev/null &
watcher=$!

lab_dns
lab_pebble PEBBLE_VA_NOSLEEP=1
configuration www.example.org </dev/null >"$LAB/conf"
echo 'log debug' >>"$LAB/conf"
deploy_program
mkfifo "$LAB/trap.cnf" # who opens this waits for ever
OPENSSL_CONF=$LAB/trap.cnf lab_broker "$LAB/conf"
kb order watch 1 >"$LAB/watch.log" || fail "no certificate"
kb --json status >"$LAB/status.log"
kb --json audit list >"$LAB/list.log"
lab_stop "$LAB_BROKER_PID"
touch "$LAB/stop-watching"
wait "$watcher" || :

[ ! -s "$LAB/leaks" ] || fail "PIN in $(sort -u "$LAB/leaks")"
if grep -rlaF -f "$LAB/pin" "$LAB" --exclude=pin --exclude-dir=tokens \
	--exclude=trap.cnf --exclude=api.sock -D skip; then
	fail "the PIN is in a file"
fi
if grep -rlaE 'PRIVATE KEY' "$LAB/state" "$LAB"/keybrokerd.log; then
	fail "a private key is in a file"
fi
# what a PKCS#8 or SEC1 private key looks like in DER, raw and in base64
if grep -rlaP '\x02\x01\x01\x04\x20|MHcCAQEE|AgEAMBMGByqGSM49' "$LAB/state"; then
	fail "private key bytes are in a file"
fi
[ "$(stat -c %a "$LAB/pin")" = 600 ] || fail "the PIN file's mode"
find "$LAB/state" -type f -perm /077 ! -name '*.pem' ! -name 'key.uri' \
	! -name 'metadata.json' ! -name audit.pub | grep . &&
	fail "a state file is open to others"

echo "trap: each program alone with an OpenSSL configuration that hangs"
export OPENSSL_CONF=$LAB/trap.cnf
for program in keybroker-core keybroker-issuer keybroker-signer keybrokerd \
	keybroker; do
	case $program in
	keybrokerd) set -- --check --config "$LAB/conf" ;;
	keybroker) set -- audit verify "$LAB/state/audit/audit.log" ;;
	keybroker-signer)
		set -- --module "$LAB_SOFTHSM" --token pkcs11:token=lab \
			--name lab --lane 0
		;;
	keybroker-issuer) set -- --workers 1 ;;
	*) set -- ;;
	esac
	status=0
	timeout 10 "$LAB_BIN/$program" "$@" 3</dev/null 4<"$LAB/pin" \
		5</dev/null >"$LAB/trap.$program.log" 2>&1 || status=$?
	[ "$status" -ne 124 ] || fail "$program reads OPENSSL_CONF"
done
echo "PIN ${#pin} digits: nowhere but in its file"
