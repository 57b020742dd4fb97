#!/bin/sh
# contrib/try-token on SoftHSM: everything passes and nothing stays behind; a
# wrong PIN, a wrong label and an open PIN file are told as failures.
set -eu

SOURCE=${SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
SIGNER=${BUILD:-$SOURCE/build/release}/keybroker-signer
export SIGNER
module=/usr/lib/softhsm/libsofthsm2.so
[ -e "$module" ] || { echo "skip SoftHSM is not installed"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tokens"
SOFTHSM2_CONF=$work/softhsm2.conf
export SOFTHSM2_CONF
printf 'directories.tokendir = %s\nobjectstore.backend = file\n' \
    "$work/tokens" >"$SOFTHSM2_CONF"
softhsm2-util --init-token --free --label "Try it; now" --so-pin 12345678 \
    --pin 4711 >/dev/null
(umask 077 && echo 4711 >"$work/pin" && echo 1147 >"$work/wrong")

try() {
	"$SOURCE/contrib/try-token" --module "$module" "$@" 2>&1
}

check() {
	if grep -q -e "$2" "$work/out"; then
		echo "ok $1"
	else
		echo "not ok $1"
		cat "$work/out"
		failed=1
	fi
}

failed=0
try --token "Try it; now" --pin-file "$work/pin" >"$work/out" || failed=1
check passes '^[0-9]* ok, 0 failed, '
for type in ec-p256 ec-p384 rsa-2048 rsa-3072 rsa-4096 ed25519; do
	check "$type" "^ok   $type: destroyed and gone"
done
check lanes '^ok   2 lanes sign at once'
objects=$(pkcs11-tool --module "$module" --token-label "Try it; now" \
    --login --pin 4711 --list-objects 2>/dev/null | grep Object) || true
printf '%s' "objects: $objects" >"$work/out"
check clean '^objects: $'

! try --token other --pin-file "$work/pin" >"$work/out" || failed=1
check token '^fail token found: no token matches'
! try --token "Try it; now" --pin-file "$work/wrong" >"$work/out" || failed=1
check pin '^fail PIN accepted: C_Login: CKR_PIN_INCORRECT'
! try --token "Try it; now" --pin-file "$work/pin" >"$work/out" || failed=1
check count-low '^fail PIN accepted: the token says.* --allow-count-low'
try --token "Try it; now" --pin-file "$work/pin" --lanes 0 \
    --allow-count-low >"$work/out" || failed=1
check allowed '^[0-9]* ok, 0 failed, '
chmod 644 "$work/pin"
! try --token "Try it; now" --pin-file "$work/pin" >"$work/out" || failed=1
check open-file '^fail PIN file'
! "$SOURCE/contrib/try-token" --module /nonexistent.so --token x \
    >"$work/out" 2>&1 || failed=1
check module '^fail module loads'
"$SOURCE/contrib/try-token" --help >"$work/out" || failed=1
check help '^usage:'
exit "$failed"
