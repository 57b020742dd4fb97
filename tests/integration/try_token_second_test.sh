#!/bin/sh
# contrib/try-token on a second make of token: the software token of
# openCryptoki, set up with its daemon in name spaces of its own, so that
# nothing of this machine's openCryptoki is touched.  Needs root, unshare and
# the package opencryptoki; without them it is skipped.
#
# With tpm2-pkcs11, swtpm, tpm2-abrmd and dbus-run-session a TPM is tried, too.
# (Without a resource manager such as tpm2-abrmd or /dev/tpmrm0 that module runs
# out of object memory after three keys.)
set -eu

SOURCE=${SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
export SOURCE
SIGNER=${BUILD:-$SOURCE/build/release}/keybroker-signer
export SIGNER

skip() {
	echo "skip $1"
	exit 77
}

module_named() {
	for module in /usr/lib/*/pkcs11/"$1" /usr/lib/pkcs11/"$1"; do
		[ ! -e "$module" ] || { echo "$module"; return; }
	done
}

# Inside the name spaces: what openCryptoki writes is ours.
inside() {
	dir=$1
	mkdir -p "$dir/lib/swtok/TOK_OBJ" "$dir/log" "$dir/run"
	mount --bind "$dir/run" /run
	mkdir -p /run/lock/opencryptoki/swtok
	mount --bind "$dir/lib" /var/lib/opencryptoki
	mount --bind "$dir/log" /var/log
	chgrp -R pkcs11 "$dir/lib" /run/lock/opencryptoki
	chmod -R 770 "$dir/lib" /run/lock/opencryptoki
	printf 'version opencryptoki-3.1\nslot 0\n{\nstdll = %s\n}\n' \
	    libpkcs11_sw.so >"$dir/conf"
	mount --bind "$dir/conf" /etc/opencryptoki/opencryptoki.conf
	pkcsslotd
	tries=0
	until pkcsconf -t >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 50 ] || exit 3
		sleep 0.1
	done
	echo kbsecond | pkcsconf -c 0 -I -S 87654321 >/dev/null
	pkcsconf -c 0 -P -S 87654321 -n 12345678
	pkcsconf -c 0 -u -S 12345678 -n 11111111
	pkcsconf -c 0 -p -U 11111111 -n 4321432
	(umask 077 && echo 4321432 >"$dir/pin")
	"$SOURCE/contrib/try-token" --module "$2" --token kbsecond \
	    --pin-file "$dir/pin"
}

# Inside a D-Bus session: a TPM in software and its resource manager.
tpm() {
	dir=$1
	mkdir -p "$dir/tpm" "$dir/store"
	swtpm socket --tpm2 --tpmstate "dir=$dir/tpm" \
	    --server "type=unixio,path=$dir/tpm.sock" \
	    --ctrl "type=unixio,path=$dir/tpm.sock.ctrl" \
	    --flags not-need-init,startup-clear >/dev/null 2>&1 &
	swtpm=$!
	sleep 1
	tpm2-abrmd --session --allow-root \
	    "--tcti=swtpm:path=$dir/tpm.sock" &
	abrmd=$!
	trap 'kill $abrmd $swtpm' EXIT
	sleep 1
	export TPM2_PKCS11_STORE="$dir/store"
	export TPM2_PKCS11_TCTI=tabrmd:bus_type=session
	export TPM2_PKCS11_BACKEND=esysdb
	pkcs11-tool --module "$2" --init-token --slot-index 0 --label kbtpm \
	    --so-pin so1234
	pkcs11-tool --module "$2" --token-label kbtpm --login \
	    --login-type so --so-pin so1234 --init-pin --pin pin1234
	(umask 077 && echo pin1234 >"$dir/pin")
	"$SOURCE/contrib/try-token" --module "$2" --token kbtpm \
	    --pin-file "$dir/pin"
}

case ${1:-} in
--inside | --tpm)
	"${1#--}" "$2" "$3"
	exit
	;;
esac

ck=$(module_named libopencryptoki.so)
if [ -z "$ck" ] || ! command -v pkcsslotd >/dev/null; then
	skip "the package opencryptoki is not installed"
fi
[ "$(id -u)" = 0 ] || skip "only root can make the name spaces"
unshare -m -i -p --fork --mount-proc true 2>/dev/null ||
	skip "this machine does not allow name spaces"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unshare -m -i -p --fork --mount-proc "$0" --inside "$work" "$ck"

tpm=$(module_named libtpm2_pkcs11.so)
if [ -n "$tpm" ] && command -v swtpm >/dev/null &&
    command -v tpm2-abrmd >/dev/null &&
    command -v dbus-run-session >/dev/null; then
	dbus-run-session "$0" --tpm "$work" "$tpm"
else
	echo "no TPM tried: swtpm, tpm2-abrmd or dbus-run-session is missing"
fi
