#!/usr/bin/env bash
# ACME clients that know nothing of tokens get certificates with the account's
# key in one: Debian's lacme, unchanged, through a socket that speaks
# lacme-accountd's protocol, and a program with python3-acme through the
# adapter of contrib/python.  Both as users who may open neither the token nor
# the PIN.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv softhsm2-util openssl lacme setpriv
[ "$(id -u)" = 0 ] || { echo "skipped: needs root to be others"; exit "$SKIP"; }
/usr/bin/python3 -c 'import acme.client' 2>/dev/null ||
	{ echo "skipped: python3-acme is not installed"; exit "$SKIP"; }
say() { echo "ok $*"; }

lacme_uid=$(id -u nobody) # it looks its user up
python_uid=65533
lab_open
trap lab_close EXIT
chmod 711 "$LAB"
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
chmod 700 "$LAB/tokens" # as a token's owner keeps it
lab_dns
lab_pebble PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0
chmod 644 "$LAB_TRUST"

cat >"$LAB/conf" <<END
state "$LAB/state"
listener "api" { path "$LAB_SOCKET" mode 0666 }
listener "lacme" {
	path "$LAB/lacme.sock" mode 0600 uid $lacme_uid
	protocol lacme-accountd { account "main" }
}
token "main" {
	module "$LAB_SOFTHSM"
	uri "pkcs11:token=lab"
	pin-source "file:$LAB/pin"
}
ca "pebble" { directory "$LAB_DIRECTORY" trust "$LAB_TRUST" }
account "main" { ca "pebble" key ec-p256 { token "main" } terms agreed }
tenant "operator" { uid 0 }
tenant "lacme" { listener "lacme" }
tenant "python" { uid $python_uid }
allow "operator" { operations * names "*" }
allow "lacme" { operations acme.* names ".lacme.example" accounts "main" }
allow "python" {
	operations acme.* account.read
	names ".python.example"
	accounts "main"
}
END
lab_broker "$LAB/conf"
registered() { kb --json account show main | grep -q '"state":"valid"'; }
lab_wait 300 registered || fail "the account is not registered"

as() { # UID COMMAND...
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups \
		env -u SOFTHSM2_CONF HOME=/nonexistent "$@"
}

issued_for() { # FILE NAME KEY
	openssl x509 -in "$1" -noout -ext subjectAltName | grep -q "DNS:$2" &&
		[ "$(openssl x509 -in "$1" -noout -pubkey)" = \
			"$(openssl pkey -in "$3" -pubout)" ]
}

signed_by() { # TENANT ACT: lines of the log
	grep -c "\"operation\":\"acme[^\"]*\",\"decision\":\"allow\".*\"tenant\":\"$1\".*\"act\":\"$2\"" \
		"$LAB/state/audit/audit.log" || :
}

# ------------------------------------------------------------------- lacme
home=$LAB/lacme
mkdir -m 755 "$home"
openssl ecparam -name prime256v1 -genkey -noout -out "$home/key.pem"
cat >"$home/lacme.conf" <<END
[client]
socket = $LAB/lacme.sock
user =
group =
command = /usr/bin/env SSL_CERT_FILE=$LAB_TRUST /usr/libexec/lacme/client
server = $LAB_DIRECTORY
SSL_verify = No
[webserver]
listen = 127.0.0.1:$LAB_HTTP_PORT
user =
group =
command = /usr/libexec/lacme/webserver
END
cat >"$home/certs.conf" <<END
[www]
certificate-key = $home/key.pem
certificate = $home/cert.pem
certificate-chain = $home/chain.pem
CAfile =
hash = sha256
keyUsage = digitalSignature
subject = /CN=www.lacme.example
subjectAltName = DNS:www.lacme.example
END
chown -R "$lacme_uid:$lacme_uid" "$home"
if ! as "$lacme_uid" lacme --config="$home/lacme.conf" newOrder \
	--config-certs="$home/certs.conf" >"$LAB/lacme.log" 2>&1; then
	fail "lacme"
fi
issued_for "$home/chain.pem" www.lacme.example "$home/key.pem" ||
	fail "lacme's certificate is not for its name and key"
[ "$(signed_by lacme new-order)" = 1 ] || fail "lacme's order is not in the log"
say "lacme gets a certificate with the account's key in the token"

sed 's/www\.lacme/www.elsewhere/' "$home/certs.conf" >"$home/other.conf"
if as "$lacme_uid" lacme --config="$home/lacme.conf" newOrder \
	--config-certs="$home/other.conf" --force >"$LAB/lacme2.log" 2>&1; then
	fail "lacme got what its rule does not allow"
fi
grep -q '"decision":"deny".*"tenant":"lacme".*elsewhere' \
	"$LAB/state/audit/audit.log" || fail "lacme's refusal is not in the log"
say "lacme does not get another name, and the log says so"

# ------------------------------------------------------------------ python
home=$LAB/python
mkdir -m 755 "$home"
cp "$here"/../../contrib/python/*.py "$home"
chown -R "$python_uid:$python_uid" "$home"
issue() { # NAME
	as "$python_uid" /usr/bin/python3 -B "$home/issue.py" --socket \
		"$LAB_SOCKET" --account main --name "$1" --address \
		"127.0.0.1:$LAB_HTTP_PORT" --trust "$LAB_TRUST" --out "$home"
}
issue a.python.example >"$LAB/python.log" 2>&1 || fail "python3-acme"
issued_for "$home/fullchain.pem" a.python.example "$home/key.pem" ||
	fail "python's certificate is not for its name and key"
[ "$(signed_by python finalize)" = 1 ] || fail "python's finalize is not in the log"
say "a python3-acme program gets a certificate in the same way"

if issue www.lacme.example >"$LAB/python2.log" 2>&1; then
	fail "python got what its rule does not allow"
fi
grep -q 'BrokerError: .*www.lacme.example' "$LAB/python2.log" ||
	fail "python does not say why: $(tail -n 1 "$LAB/python2.log")"
say "its refusal names the name"

# ------------------------------------------------------------------- walls
for uid in "$lacme_uid" "$python_uid"; do
	if as "$uid" cat "$LAB/pin" >/dev/null 2>&1 ||
		as "$uid" ls "$LAB/tokens" >/dev/null 2>&1; then
		fail "uid $uid can open the token or its PIN"
	fi
done
say "neither could open the token or read the PIN"
kb audit verify >/dev/null 2>&1 || kb audit verify "$LAB/state/audit/audit.log" \
	>/dev/null || fail "the audit log does not verify"
say "the audit log verifies"
