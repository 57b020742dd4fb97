#!/usr/bin/env bash
# Tenants through a whole broker: known by user, group, supplementary group or
# a socket of their own; what each owns; rates that a restart does not forget;
# connections; and the CA's budget, which all of them share.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv softhsm2-util openssl curl setpriv socat
[ "$(id -u)" = 0 ] || { echo "skipped: needs root to be somebody else"; exit "$SKIP"; }

lab_open
trap lab_close EXIT
chmod 711 "$LAB"
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
lab_dns
lab_pebble PEBBLE_VA_NOSLEEP=1 PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_WFE_NONCEREJECT=0
configuration www.example.org >"$LAB/conf" <<END
listener "ann" { path "$LAB/ann.sock" mode 0666 }
listener "ops" { path "$LAB/ops.sock" mode 0666 }
limits { connections 20 connections-per-uid 9 connections-per-tenant 6 }
tenant "ann" { listener "ann" owns "ann-*" }
tenant "bob" { uid 61002 owns "bob-*" }
tenant "cid" { gid 61003 owns "cid-*" }
tenant "dot" { gid 61004 }
tenant "eve" { gid 61005 listener "ops" }
allow "*" { operations key.read keys "*" }
allow "ann" { operations * names "*" }
allow "bob" { operations key.* certificate.* order.* names ".example.com"
	rate 500 per 1m 12 per 7d }
allow "eve" { operations token.read }
END
sed -i -e 's/\(listener "api" { path "[^"]*"\)/\1 mode 0666/' \
	-e 's/tenant "operator" {/& sees "*" owns "www" "op-*"/' \
	-e 's/terms agreed/& contact "mailto:a@example.org"/' \
	-e 's/ca "pebble" {/& budget { new-orders 3 per 1h }/' "$LAB/conf"
deploy_program
lab_broker "$LAB/conf"
kb order watch 1 >/dev/null

say() { echo "ok $*"; }

# UID GID GROUPS SOCKET CURL-ARGUMENTS...: answer, and a last line with the
# status.  GROUPS are supplementary, by commas, or "-".
as() {
	local uid=$1 gid=$2 groups=--clear-groups socket=$4
	[ "$3" = - ] || groups=--groups=$3
	shift 4
	setpriv --reuid "$uid" --regid "$gid" "$groups" curl -s -m 20 \
		--unix-socket "$LAB/$socket" -H 'Content-Type: application/json' \
		-w '\n%{http_code} %header{retry-after}\n' "$@"
}

status() { "$@" | tail -n 1 | cut -d ' ' -f 1; }

key() { # NAME
	printf '{"name":"%s","token":"main","type":"ec-p256","purpose":"cert"}' \
		"$1"
}

expect() { # STATUS WHAT COMMAND...
	local wanted=$1 what=$2 got
	shift 2
	got=$(status "$@")
	[ "$got" = "$wanted" ] || fail "$what: $got instead of $wanted: $("$@")"
}

url=http://localhost/v1
ann=(as 65533 65533 - ann.sock)
bob=(as 61002 65533 - api.sock)
cid=(as 65533 61003 - api.sock)
dot=(as 65533 65533 "61009,61004" api.sock)

# ---------------------------------------------------------- who is who

# A socket of its own makes anybody its tenant, also root and other's users.
expect 201 "ann by her socket" "${ann[@]}" -d "$(key ann-key)" $url/keys
expect 200 "ann as somebody else" as 61002 61003 - ann.sock $url/keys/ann-key
expect 404 "ann's key at another socket" as 65533 65533 - api.sock \
	$url/keys/ann-key
say "a tenant is known by a socket of its own"

expect 201 "bob by his uid" "${bob[@]}" -d "$(key bob-key)" $url/keys
expect 404 "bob's key by his gid" as 65533 61002 61002 api.sock \
	$url/keys/bob-key
say "a tenant is known by its user"

expect 200 "a gid" "${cid[@]}" $url/keys
expect 403 "a gid makes no key" "${cid[@]}" -d "$(key cid-key)" $url/keys
line() { # UID GID: tenant of the last decision about them
	grep '"event":"decision"' "$LAB/state/audit/audit.log" |
		grep "\"uid\":$1,\"gid\":$2," | tail -n 1 |
		grep -o '"tenant":"[^"]*"' || echo none
}
[ "$(line 65533 61003)" = '"tenant":"cid"' ] || fail "cid is $(line 65533 61003)"
say "a tenant is known by its group"

expect 200 "a supplementary group" "${dot[@]}" $url/keys
[ "$(line 65533 65533)" = '"tenant":"dot"' ] || fail "dot is $(line 65533 65533)"
say "a tenant is known by a supplementary group"

expect 200 "group and socket" as 65533 65533 61005 ops.sock $url/tokens
expect 403 "group and another socket" as 65533 65533 61005 api.sock $url/tokens
expect 403 "the socket without the group" as 65533 65533 - ops.sock $url/tokens
say "a group may count on one socket only"

# ------------------------------------------------------- what is whose

for name in bob-key bob-nil; do
	"${ann[@]}" $url/keys/$name | sed "s/$name/NAME/g" >"$LAB/answer.$name"
done
cmp "$LAB/answer.bob-key" "$LAB/answer.bob-nil" || fail "bob's key shows"
expect 403 "ann makes a key of bob's" "${ann[@]}" -d "$(key bob-new)" $url/keys
"${ann[@]}" $url/keys | grep -q '"bob-' && fail "bob's keys are listed"
"${bob[@]}" $url/keys | grep -q '"ann-' && fail "ann's keys are listed"
kb --json key list | grep -q '"ann-key"' || fail "the operator does not see ann's"
kb --json key list | grep -q '"bob-key"' || fail "the operator does not see bob's"
say "each sees its own keys, and the operator all"

# --------------------------------------------------------- the CA's budget

# One order of three was the broker's own.
certificate() { # NAME DNS-NAME
	printf '{"account":"main","names":["%s"]}' "$1"
}
order() { # TENANT... : of certificate NAME
	local name=$1
	shift
	"$@" -X POST -d '{}' "$url/certificates/$name/orders"
}
expect 201 "ann declares" "${ann[@]}" -X PUT -d "$(certificate a.example.com)" \
	$url/certificates/ann-www
expect 201 "bob declares" "${bob[@]}" -X PUT -d "$(certificate b.example.com)" \
	$url/certificates/bob-www
expect 202 "ann orders" order ann-www "${ann[@]}"
expect 202 "bob orders" order bob-www "${bob[@]}"
lab_wait 200 sh -c "'$LAB_KEYBROKER' -s '$LAB_SOCKET' --json order list |
	tr '{' '\n' | grep -c '\"state\":\"issued\"' | grep -q 3" ||
	fail "the orders are not issued: $(kb order list)"
expect 201 "ann declares another" "${ann[@]}" -X PUT \
	-d "$(certificate c.example.com)" $url/certificates/ann-two
order ann-two "${ann[@]}" >"$LAB/refused"
read -r got wait <<<"$(tail -n 1 "$LAB/refused")"
[ "$got" = 429 ] || fail "the budget does not hold: $(cat "$LAB/refused")"
grep -q 'new-orders 3 per 1h until 20' "$LAB/refused" || fail "$(cat "$LAB/refused")"
if [ "$wait" -le 900 ] || [ "$wait" -gt 1200 ]; then
	fail "Retry-After: $wait"
fi
[ "$(issued_at_ca)" = 3 ] || fail "the CA was asked $(issued_at_ca) times"
say "the CA's budget is shared, and tells when"

# ------------------------------------------------- rates, and a restart

# A dozen in a week, of which some are gone.
bob_reads() { status "${bob[@]}" $url/certificates/bob-www; }
reads=0
while [ "$(bob_reads)" = 200 ]; do
	reads=$((reads + 1))
	[ "$reads" -lt 12 ] || fail "the rate does not hold"
done
[ "$reads" -gt 3 ] || fail "the rate is too small"
lab_stop "$LAB_BROKER_PID"
lab_broker "$LAB/conf"
[ "$(bob_reads)" = 429 ] || fail "the rate is forgotten by a restart"
order ann-two "${ann[@]}" | tail -n 1 | grep -q '^429' ||
	fail "the budget is forgotten"
core=$(pgrep -P "$LAB_BROKER_PID" keybroker-core)
kill -KILL "$core"
lab_wait 100 sh -c "! kill -0 $core"
lab_wait 300 lab_ready || fail "the core does not come back"
[ "$(bob_reads)" = 429 ] || fail "the rate is forgotten by a kill"
say "what was used of long rates outlives a restart and a kill"

# ------------------------------------------------------------ connections

# Many users of one tenant, on its socket, take its six and no more.
open=()
for i in 1 2 3 4 5 6 7 8; do
	setpriv --reuid $((61100 + i)) --regid 65533 --clear-groups socat -u \
		UNIX-CONNECT:"$LAB/ann.sock" STDOUT </dev/null \
		>>"$LAB/idle.log" 2>&1 &
	open+=($!)
	LAB_PIDS+=($!)
done
seven() { [ "$(status as 61120 65533 - ann.sock $url/keys/ann-key)" = 503 ]; }
lab_wait 50 seven || fail "a tenant takes more than its connections"
expect 200 "another tenant" "${dot[@]}" $url/keys
for pid in "${open[@]}"; do
	lab_stop "$pid"
done
lab_wait 50 sh -c "! curl -s --unix-socket '$LAB/ann.sock' \
	$url/keys/ann-key | grep -q busy" || fail "the connections are not free again"
say "a tenant has its connections, and no others"
