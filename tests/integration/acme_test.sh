#!/usr/bin/env bash
# The ways through ACME that the other tests do not take: RSA accounts, external
# account binding, contacts, webroot, dns-01 with wildcards, the preferred
# chain, configured anchors, and failures in the CA's own words.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv openssl curl

lab_open
trap lab_close EXIT
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
lab_dns

say() { echo "ok $*"; }

# An EAB key as Pebble's examples have them: base64url text.
(umask 077 && head -c 32 /dev/urandom | base64 -w 0 | tr '+/' '-_' | tr -d = >"$LAB/eab.key")
LAB_EAB=true
LAB_EAB_KEYS="{ \"kid-1\": \"$(cat "$LAB/eab.key")\" }"
lab_pebble PEBBLE_VA_NOSLEEP=1 PEBBLE_ALTERNATE_ROOTS=2 \
	PEBBLE_WFE_NONCEREJECT=15

curl -s --cacert "$LAB_TRUST" "$LAB_MANAGE/roots/2" >"$LAB/root2.pem"
curl -s --cacert "$LAB_TRUST" "$LAB_MANAGE/roots/0" >"$LAB/root0.pem"
issuer=$(openssl x509 -in "$LAB/root2.pem" -noout -subject -nameopt multiline |
	sed -n 's/.*commonName *= //p')

cat >"$LAB/dns-hook" <<END
#!/bin/sh
set -eu
case \$KEYBROKER_ACTION in
present)
	echo "\$KEYBROKER_RECORD \$KEYBROKER_VALUE" >>"$LAB/published"
	curl -sf -d "{\"host\":\"\$KEYBROKER_RECORD.\",\"value\":\"\$KEYBROKER_VALUE\"}" \
		http://127.0.0.1:$LAB_DNS_API/set-txt
	;;
cleanup)
	echo "\$KEYBROKER_RECORD \$KEYBROKER_VALUE" >>"$LAB/cleaned"
	curl -sf -d "{\"host\":\"\$KEYBROKER_RECORD.\"}" \
		http://127.0.0.1:$LAB_DNS_API/clear-txt
	;;
esac
END
printf '#!/bin/sh\necho "no zone for $KEYBROKER_DOMAIN" >&2\nexit 3\n' \
	>"$LAB/dns-broken"
chmod 700 "$LAB/dns-hook" "$LAB/dns-broken"
mkdir -m 755 "$LAB/web"

cat >"$LAB/conf" <<END
state "$LAB/state"
listener "api" { path "$LAB_SOCKET" }
audit durable { token "main" }
token "main" {
	module "$LAB_SOFTHSM"
	uri "pkcs11:token=lab"
	pin-source "file:$LAB/pin"
}
ca "pebble" {
	directory "$LAB_DIRECTORY"
	trust "$LAB_TRUST"
	preferred-chain "$issuer"
}
ca "anchored" {
	directory "$LAB_DIRECTORY"
	trust "$LAB_TRUST"
	anchors "$LAB/root0.pem"
}
ca "strange" {
	directory "$LAB_DIRECTORY"
	trust "$LAB_TRUST"
	anchors "$LAB_TRUST"
}
account "rsa" {
	ca "pebble"
	key rsa-2048 { token "main" }
	contact "mailto:a@example.org" "mailto:b@example.org"
	terms agreed
	eab { kid "kid-1" key-file "$LAB/eab.key" }
}
account "p384" {
	ca "anchored"
	key ec-p384 { token "main" verify sample }
	terms agreed
	eab { kid "kid-1" key-file "$LAB/eab.key" }
}
account "strange" {
	ca "strange"
	key ec-p256 { token "main" }
	terms agreed
	eab { kid "kid-1" key-file "$LAB/eab.key" }
}
account "unbound" { ca "anchored" key ec-p256 { token "main" } terms agreed }
certificate "wild" {
	account "rsa"
	names "wild.example.org" "*.wild.example.org"
	key rsa-2048 { token "main" }
	challenge dns-01 { program "$LAB/dns-hook" { timeout 10s } wait 0s }
}
certificate "web" {
	account "p384"
	names "web.example.org"
	key ec-p384 { token "main" }
	challenge http-01 { webroot "$LAB/web" }
}
certificate "broken" {
	account "p384"
	names "broken.example.org"
	key ec-p256 { token "main" }
	challenge dns-01 { program "$LAB/dns-broken" { timeout 10s } wait 0s }
}
certificate "unserved" {
	account "p384"
	names "unserved.example.org"
	key ec-p256 { token "main" }
	challenge http-01 { webroot "$LAB" }
}
certificate "strange" {
	account "strange"
	names "strange.example.org"
	key ec-p256 { token "main" }
	challenge dns-01 { program "$LAB/dns-hook" { timeout 10s } wait 0s }
}
tenant "operator" { uid $(id -u) }
allow "operator" { operations * names "*" }
END
sed -i 's/\(ca "[a-z]*" {\)/\1\n\torder-deadline 20s/' "$LAB/conf"
# a plain web server for the webroot: the test's own, and not ours
if command -v python3 >/dev/null; then
	lab_start web python3 -m http.server --bind 127.0.0.1 --directory \
		"$LAB/web" "$LAB_HTTP_PORT"
else
	need busybox
	lab_start web busybox httpd -f -p "127.0.0.1:$LAB_HTTP_PORT" -h \
		"$LAB/web"
fi
lab_wait 100 lab_listens "$LAB_HTTP_PORT" || fail "no web server"

lab_broker "$LAB/conf"

order_of() { kb --json certificate show "$1" | member order; }
wait_for() { # CERTIFICATE: follows its order, whatever becomes of it
	lab_wait 100 order_exists "$1" || fail "$1 has no order"
	kb order watch "$(order_of "$1")" >"$LAB/watch.$1" 2>&1
}
order_exists() { [ -n "$(order_of "$1")" ]; }

wait_for wild || fail "wild: $(cat "$LAB/watch.wild")"
live=$LAB/state/certificates
openssl x509 -in "$live/wild/cert.pem" -noout -ext subjectAltName >"$LAB/san"
grep -q 'DNS:\*.wild.example.org' "$LAB/san" || fail "no wildcard: $(cat "$LAB/san")"
[ "$(grep '^_acme-challenge.wild.example.org ' "$LAB/published" | sort -u |
	wc -l)" -eq 2 ] || fail "not two TXT values at one name"
say "dns-01: a name and its wildcard, two values at one record"
lab_wait 100 sh -c "[ \"\$(grep -c challenge.wild '$LAB/cleaned')\" -eq 2 ]" || fail "TXT not cleaned up"
say "dns-01: both values cleaned up"
openssl verify -CAfile "$LAB/root2.pem" -untrusted "$live/wild/chain.pem" \
	"$live/wild/cert.pem" >/dev/null || fail "not the preferred chain"
say "preferred chain by issuer name"
kb --json account show rsa | grep -q '"kty":"RSA"' || fail "rsa account"
say "an RSA account with contacts and external account binding"

wait_for web || fail "web: $(cat "$LAB/watch.web")"
openssl verify -CAfile "$LAB/root0.pem" -untrusted "$live/web/chain.pem" \
	"$live/web/cert.pem" >/dev/null || fail "web: wrong chain"
say "http-01 by webroot, P-384 account and key, configured anchors"
lab_wait 50 sh -c "[ -z \"\$(ls -A '$LAB/web/.well-known/acme-challenge')\" ]" ||
	fail "webroot not cleaned up"
say "webroot cleaned up"

wait_for unserved && fail "a certificate although nothing was served"
grep -q 'unauthorized\|connection' "$LAB/watch.unserved" ||
	fail "not the CA's words: $(cat "$LAB/watch.unserved")"
grep -q '404' "$LAB/watch.unserved" || fail "no reason: $(cat "$LAB/watch.unserved")"
say "a failed challenge is told in the CA's own words"

wait_for broken && fail "a certificate although the hook failed"
grep -q 'no zone for broken.example.org' "$LAB/watch.broken" ||
	fail "not the program's words: $(cat "$LAB/watch.broken")"
say "a failing DNS program is told in its own words"

wait_for strange && fail "a chain that does not end at the anchors was taken"
grep -qi 'anchor' "$LAB/watch.strange" || fail "anchors: $(cat "$LAB/watch.strange")"
[ ! -e "$live/strange" ] || fail "a refused chain was published"
say "a chain that misses the configured anchors is refused"

lab_wait 100 sh -c "'$LAB_KEYBROKER' -s '$LAB_SOCKET' --json account show unbound |
	grep -q '\"state\":\"failed\"'" || fail "an account without EAB"
kb --json account show unbound | grep -qi 'external' || fail "EAB: not the CA's words"
say "an account without the external account binding that is wanted fails, and says so"

kb audit verify "$LAB/state/audit/audit.log" >"$LAB/verify.log" ||
	fail "audit: $(cat "$LAB/verify.log")"
say "audit log"
