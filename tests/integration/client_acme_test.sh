#!/usr/bin/env bash
# Other ACME clients at the broker's socket: two tenants who share an account
# each obtain a certificate from Pebble with curl and openssl, and neither gets
# at what the other one's orders have at the CA.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv openssl curl jq

lab_open
trap lab_close EXIT
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
lab_dns
lab_pebble PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=10

say() { echo "ok $*"; }

cat >"$LAB/conf" <<END
state "$LAB/state"
listener "api" { path "$LAB_SOCKET" }
listener "web" { path "$LAB/web.sock" }
listener "mail" { path "$LAB/mail.sock" }
audit durable { token "main" }
token "main" {
	module "$LAB_SOFTHSM"
	uri "pkcs11:token=lab"
	pin-source "file:$LAB/pin"
}
ca "pebble" { directory "$LAB_DIRECTORY" trust "$LAB_TRUST" }
account "main" { ca "pebble" key ec-p256 { token "main" } terms agreed }
tenant "web" { listener "web" }
tenant "mail" { listener "mail" }
tenant "operator" { uid $(id -u) listener "api" }
allow "operator" { operations * names "*" }
allow "web" {
	operations acme.* account.read
	names ".web.example.org" "*.web.example.org"
	accounts "main"
}
allow "mail" {
	operations acme.* account.read key.generate key.request
	names ".mail.example.org"
}
END
lab_broker "$LAB/conf"
lab_wait 150 sh -c "'$LAB_KEYBROKER' -s '$LAB_SOCKET' --json account show main |
	grep -q '\"state\":\"valid\"'" || fail "no account"

# ------------------------------------------------------------- a small client

# What the broker says; its status in STATUS.
broker() { # TENANT PATH BODY
	STATUS=$(curl -s -o "$LAB/said" -w '%{http_code}' \
		--unix-socket "$LAB/$1.sock" -H 'Content-Type: application/json' \
		-d "$3" "http://localhost$2")
}
ca() { curl -s --cacert "$LAB_TRUST" "$@"; }

nonce() {
	ca -I "$NONCES" | tr -d '\r' | sed -n 's/^[Rr]eplay-[Nn]once: //p'
}

# A signature for a URL of the CA, in $LAB/said; no payload is POST-as-GET.
sign() { # TENANT URL [PAYLOAD]
	local body
	body=$(jq -nc --arg url "$2" --arg nonce "$(nonce)" \
		--argjson payload "${3:-null}" \
		'{url: $url, nonce: $nonce} + if $payload == null then {}
		 else {payload: $payload} end')
	broker "$1" /v1/accounts/main/jws "$body"
}

# Signs, sends, and leaves the answer in $LAB/answer; anew when the nonce is
# refused.
act() { # TENANT URL [PAYLOAD]
	local try
	for try in 1 2 3 4 5 6; do
		sign "$@"
		[ "$STATUS" = 200 ] || fail "$*: $STATUS $(cat "$LAB/said")"
		ca -o "$LAB/answer" -D "$LAB/head" \
			-H 'Content-Type: application/jose+json' \
			--data-binary "@$LAB/said" "$2"
		grep -qs badNonce "$LAB/answer" || break
	done
	head -n 1 "$LAB/head" | grep -q ' 20[01]' ||
		fail "$* (try $try): $(cat "$LAB/answer")"
}
answer() { jq -r "$1" "$LAB/answer"; }
location() { tr -d '\r' <"$LAB/head" | sed -n 's/^[Ll]ocation: //p'; }

refused() { # TENANT URL [PAYLOAD]
	sign "$@"
	[ "$STATUS" = 403 ] || fail "$*: $STATUS $(cat "$LAB/said")"
	! grep -q '"signature"' "$LAB/said" || fail "a refusal with a signature"
}

new_order() { # TENANT NAME...
	local tenant=$1
	shift
	act "$tenant" "$ORDERS" "$(printf '%s\n' "$@" | jq -Rnc \
		'{identifiers: [inputs | {type: "dns", value: .}]}')"
	ORDER=$(location)
	FINALIZE=$(answer .finalize)
	mapfile -t AUTHZ < <(answer '.authorizations[]')
}

validate() { # TENANT
	local url token name value
	for url in "${AUTHZ[@]}"; do
		act "$1" "$url"
		[ "$(answer .status)" = pending ] || continue
		name=_acme-challenge.$(answer .identifier.value).
		CHALLENGE=$(answer '.challenges[] | select(.type == "dns-01").url')
		token=$(answer '.challenges[] | select(.type == "dns-01").token')
		broker "$1" /v1/accounts/main/key-authorization \
			"{\"token\":\"$token\"}"
		value=$(jq -r .dns01 "$LAB/said")
		[ "$value" = "$(jq -j .keyAuthorization "$LAB/said" |
			openssl dgst -sha256 -binary | base64 | tr '+/' '-_' |
			tr -d =)" ] || fail "not the digest"
		curl -sf -d "{\"host\":\"$name\",\"value\":\"$value\"}" \
			"http://127.0.0.1:$LAB_DNS_API/set-txt"
		act "$1" "$CHALLENGE" '{}'
	done
}

wait_status() { # TENANT STATUS
	local i
	for i in $(seq 50); do
		act "$1" "$ORDER"
		[ "$(answer .status)" != "$2" ] || return 0
		sleep 0.1
	done
	fail "the order is not $2 ($i): $(cat "$LAB/answer")"
}

base64url() { base64 -w 0 | tr '+/' '-_' | tr -d =; }
csr_text() { openssl req -in "$1" -outform DER | base64url; }
der_text() { openssl x509 -in "$1" -outform DER | base64url; }

ca "$LAB_DIRECTORY" >"$LAB/directory"
resource() { jq -r ".$1" "$LAB/directory"; }
NONCES=$(resource newNonce)
ORDERS=$(resource newOrder)
REVOKE=$(resource revokeCert)
KID=$(kb --json account show main | member url)
issued=$(issued_at_ca)

# ------------------------------------------------------------------- the web

act web "$(resource newAccount)" '{"onlyReturnExisting":true}'
[ "$(location)" = "$KID" ] || fail "another account"
act web "$KID"
[ "$(answer .status)" = valid ] || fail "$(cat "$LAB/answer")"
say "the account is found and read"

new_order web a.web.example.org '*.web.example.org'
web_order=$ORDER web_authz=${AUTHZ[0]} web_finalize=$FINALIZE
refused mail "$web_order"
refused mail "$web_authz"
validate web
web_challenge=$CHALLENGE
wait_status web ready
say "an order of a name and a wildcard is validated by dns-01"

refused mail "$web_order"
refused mail "$web_authz"
refused mail "$web_authz" '{"status":"deactivated"}'
refused mail "$web_challenge" '{}'
say "another tenant neither reads nor answers it"

openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout "$LAB/web.key" -out "$LAB/web.csr" -subj /CN=a.web.example.org \
	-addext "subjectAltName=DNS:a.web.example.org,DNS:*.web.example.org" \
	2>/dev/null
openssl req -new -key "$LAB/web.key" -out "$LAB/wide.csr" -subj / -addext \
	"subjectAltName=DNS:a.web.example.org,DNS:*.web.example.org,DNS:evil.org" \
	2>/dev/null
refused web "$web_finalize" "{\"csr\":\"$(csr_text "$LAB/wide.csr")\"}"
refused mail "$web_finalize" "{\"csr\":\"$(csr_text "$LAB/web.csr")\"}"
say "nobody finalizes it for other names, nor another tenant at all"

broker web "/v1/accounts/main/jws?dry-run=1" \
	"$(jq -nc --arg url "$web_finalize" \
		--arg csr "$(csr_text "$LAB/web.csr")" \
		'{url: $url, nonce: "bm9uY2U", payload: {csr: $csr}}')"
[ "$STATUS" = 200 ] && jq -e '.allow and .act == "finalize" and
	.operation == "acme.finalize" and .payload.csr.keySha256' "$LAB/said" \
	>/dev/null || fail "dry run: $STATUS $(cat "$LAB/said")"
say "a dry run tells the decision and what was understood"

act web "$web_finalize" "{\"csr\":\"$(csr_text "$LAB/web.csr")\"}"
wait_status web valid
web_certificate=$(answer .certificate)
refused mail "$web_certificate"
act web "$web_certificate"
cp "$LAB/answer" "$LAB/web.pem"
ca "$LAB_MANAGE/roots/0" >"$LAB/root.pem"
openssl verify -CAfile "$LAB/root.pem" -untrusted "$LAB/web.pem" \
	"$LAB/web.pem" >/dev/null || fail "not a good certificate"
say "the certificate is the client's"

# ------------------------------------------------------------------ the mail

broker mail /v1/keys '{"name":"mail-key","token":"main","type":"ec-p256",
	"purpose":"cert"}'
[ "$STATUS" = 201 ] || fail "$(cat "$LAB/said")"
broker mail /v1/keys/mail-key/csr '{"names":["mx.mail.example.org"]}'
[ "$STATUS" = 200 ] || fail "$(cat "$LAB/said")"
mail_csr=$(jq -r .csr "$LAB/said")
broker mail /v1/keys/mail-key/csr '{"names":["a.web.example.org"]}'
[ "$STATUS" = 403 ] || fail "a CSR for others' names"
broker mail /v1/keys/mail-key/csr '{"names":["mx.mail.example.org"],
	"mustStaple":true}'
[ "$STATUS" = 403 ] || fail "a CSR with extensions that policy does not allow"
say "a CSR by a key in the token, for the tenant's names"

new_order mail mx.mail.example.org
validate mail
wait_status mail ready
act mail "$FINALIZE" "{\"csr\":\"$mail_csr\"}"
wait_status mail valid
act mail "$(answer .certificate)"
cp "$LAB/answer" "$LAB/mail.pem"
kb --json key show mail-key | jq -r .publicKey | grep . >"$LAB/mail.pub"
openssl x509 -in "$LAB/mail.pem" -noout -pubkey | cmp -s - "$LAB/mail.pub" ||
	fail "a certificate for another key"
say "a certificate for a key in the token"

# ---------------------------------------------------------------- revocation

refused web "$REVOKE" "{\"certificate\":\"$(der_text "$LAB/mail.pem")\"}"
refused mail "$REVOKE" "{\"certificate\":\"$(der_text "$LAB/web.pem")\"}"
# Pebble answers without a body.
act web "$REVOKE" "{\"certificate\":\"$(der_text "$LAB/web.pem")\",\"reason\":4}"
say "each revokes its own only"

# ------------------------------------------------- what nobody gets at all

refused web "$KID" '{"status":"deactivated"}'
refused web "$(resource keyChange)" \
	'{"protected":"e30","payload":"e30","signature":"YQ"}'
refused web "$KID/" '{"status":"deactivated"}'
act web "$KID"
[ "$(answer .status)" = valid ] || fail "the account is gone"
say "the account stays as it is"

[ "$(issued_at_ca)" -eq $((issued + 2)) ] || fail "$(issued_at_ca) certificates"
grep -q '"act":"new-order","payload":{"identifiers":\[{"type":"dns","value":"mx.m' \
	"$LAB/state/audit/audit.log" || fail "no facts in the log"
kb audit verify "$LAB/state/audit/audit.log" >"$LAB/verify.log" ||
	fail "audit: $(cat "$LAB/verify.log")"
say "two certificates, and a good audit log"
