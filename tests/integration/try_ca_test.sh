#!/usr/bin/env bash
# contrib/try-ca against CAs of two makes: Pebble, and Caddy with its own ACME
# server, which asks port 80 and leaves what failed pending.  For Caddy there
# is a network name space, where port 80 is free and names are ours.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
try=$here/../../contrib/try-ca
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv openssl curl caddy ip unshare

# Everything that a life without trouble consists of.
order='key new-order authorization finalize download certificate files'
life="broker account $order"
for step in $order new-key; do life+=" again-$step"; done
life+=' audit'

failures=0
ok() { echo "ok $*"; }
not_ok() {
	echo "not ok $1"
	cat "$LAB/try.out"
	failures=$((failures + 1))
}

run() { # ARGUMENTS...: leaves $status and try.out
	status=0
	timeout --foreground 120 "$try" --trust "$LAB_TRUST" \
		--directory "$LAB_DIRECTORY" \
		--deadline 60 "$@" >"$LAB/try.out" 2>&1 || status=$?
}

# A run of which each step must be good, and none be missing.
good() { # WHAT ARGUMENTS...
	local what=$1 steps
	shift
	run "$@"
	steps=$(sed -n 's/^ok //p' "$LAB/try.out" | tr '\n' ' ')
	if [ "$status" = 0 ] && [ "$steps" = "$life " ]; then
		ok "$what"
	else
		not_ok "$what (exit status $status)"
	fi
}

# A run that must fail at a step, with the CA's words, and go no further.
bad() { # WHAT STEP WORDS ARGUMENTS...
	local what=$1 step=$2 words=$3
	shift 3
	run "$@"
	if [ "$status" = 1 ] && grep -q "^fail $step: .*$words" "$LAB/try.out" &&
		[ "$(grep -c '^fail' "$LAB/try.out")" = 1 ] &&
		! grep -q '^ok again' "$LAB/try.out"; then
		ok "$what"
	else
		not_ok "$what (exit status $status)"
	fi
}

wrong() { # WHAT ARGUMENTS...
	local what=$1
	shift
	status=0
	"$try" "$@" >"$LAB/try.out" 2>&1 || status=$?
	if [ "$status" = 2 ]; then
		ok "$what"
	else
		not_ok "$what (exit status $status)"
	fi
}

# ------------------------------------------------------------------ Pebble

# The program of dns-01; its environment is the broker's, so that the address
# of the name server stands in its text.
dns_program() {
	cat >"$LAB/dns" <<-END
		#!/bin/sh
		set -eu
		api=http://127.0.0.1:$LAB_DNS_API
		host=\$KEYBROKER_RECORD.
		case \$KEYBROKER_ACTION in
		present) verb=set-txt ;;
		cleanup) verb=clear-txt ;;
		esac
		curl -sSf "\$api/\$verb" \\
			-d '{"host":"'\$host'","value":"'\$KEYBROKER_VALUE'"}'
		echo "\$verb" >>"$LAB/dns.calls"
	END
	chmod 700 "$LAB/dns"
}

pebble() {
	lab_dns
	lab_pebble PEBBLE_WFE_NONCEREJECT=15 PEBBLE_VA_NOSLEEP=1
	dns_program
	good "Pebble: http-01" --name a.example.org --name b.example.org \
		--http-port "$LAB_HTTP_PORT" --contact mailto:me@example.org
	good "Pebble: dns-01" --name a.example.org --name '*.a.example.org' \
		--challenge dns-01 --hook "$LAB/dns" --dns-wait 0
	# The second order may be authorized by the first.
	if [ "$(grep -c set "$LAB/dns.calls")" -ge 2 ] &&
		[ "$(grep -c set "$LAB/dns.calls")" = \
			"$(grep -c clear "$LAB/dns.calls")" ]; then
		ok "Pebble: each record was set and cleared"
	else
		not_ok "Pebble: records: $(tr '\n' ' ' <"$LAB/dns.calls")"
	fi
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=other -keyout "$LAB/other.key" \
		-out "$LAB/other.pem" 2>/dev/null
	bad "Pebble: not trusted" account 'directory of try: .*certificate' \
		--name a.example.org --trust "$LAB/other.pem" \
		--http-port "$LAB_HTTP_PORT"
	bad "Pebble: nobody answers" authorization 'authorization is invalid' \
		--name a.example.org --http-port "$(lab_port)"
}

# The same CA, which now wants to know us beforehand.
pebble_bound() {
	local text
	text=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')
	(umask 077 && echo "$text" >"$LAB/eab.key")
	LAB_PEBBLE_PORT=''
	LAB_EAB=true LAB_EAB_KEYS="{ \"kid-1\": \"$text\" }" lab_pebble \
		PEBBLE_VA_NOSLEEP=1
	good "Pebble: external account binding" --name a.example.org \
		--http-port "$LAB_HTTP_PORT" \
		--eab-kid kid-1 --eab-key-file "$LAB/eab.key"
	bad "Pebble: a binding to nothing known" account 'not known' \
		--name a.example.org --http-port "$LAB_HTTP_PORT" \
		--eab-kid kid-2 --eab-key-file "$LAB/eab.key"
	bad "Pebble: no binding" account externalAccountRequired \
		--name a.example.org --http-port "$LAB_HTTP_PORT"
	chmod 644 "$LAB/eab.key"
	wrong "a key that all may read" --directory "$LAB_DIRECTORY" \
		--name a.example.org --eab-kid kid-1 \
		--eab-key-file "$LAB/eab.key"
}

# ------------------------------------------------------------------- Caddy

# Names come from our own name server, at the addresses where this machine's
# is expected; they are on loopback here, as everything is.
name_server() {
	local address
	ip link set lo up
	while read -r address; do
		ip address add "$address" dev lo 2>/dev/null || :
	done < <(sed -n 's/^nameserver[[:space:]]*//p' /etc/resolv.conf)
	lab_start dns pebble-challtestsrv -defaultIPv4 127.0.0.1 \
		-defaultIPv6 "" -dns01 :53 -http01 "" -https01 "" \
		-tlsalpn01 "" -management 127.0.0.1:8055
	lab_wait 100 lab_listens 8055 || fail "no name server"
	curl -sSf http://127.0.0.1:8055/add-a \
		-d '{"host":"far.example.org.","addresses":["192.0.2.1"]}'
}

caddy_start() {
	LAB_DIRECTORY=https://localhost:8443/acme/local/directory
	LAB_TRUST=$LAB/caddy/pki/authorities/local/root.crt
	cat >"$LAB/Caddyfile" <<-END
		{
			admin off
			auto_https disable_redirects
			skip_install_trust
			storage file_system $LAB/caddy
		}
		https://localhost:8443 {
			bind 127.0.0.1
			tls internal
			acme_server
		}
	END
	# Go's own resolver: libc may ask a service beyond our name space.
	lab_start caddy env "HOME=$LAB" "XDG_DATA_HOME=$LAB/data" \
		"XDG_CONFIG_HOME=$LAB/config" GODEBUG=netdns=go \
		caddy run --adapter caddyfile --config "$LAB/Caddyfile"
	lab_wait 200 curl -sf --cacert "$LAB_TRUST" "$LAB_DIRECTORY" ||
		fail "Caddy does not answer"
}

caddy_cases() {
	name_server
	caddy_start
	good "Caddy: http-01" --name a.example.org --name b.example.org
	bad "Caddy: a name that leads nowhere" authorization \
		'far.example.org: connection' \
		--name a.example.org --name far.example.org
	lab_start other caddy respond --listen :80 "nothing of yours"
	lab_wait 100 lab_listens 80 || fail "no other web server"
	bad "Caddy: a name that leads to another" authorization \
		'a.example.org: rejectedIdentifier' \
		--name a.example.org --http-port 8080
}

# -------------------------------------------------------------------- main

lab_open
trap lab_close EXIT
trap 'exit 1' INT TERM

if [ "${1:-}" = --caddy ]; then
	caddy_cases
	exit "$failures"
fi

wrong "no name" --directory https://localhost/dir
wrong "no directory" --name a.example.org
wrong "half a binding" --directory https://localhost/dir \
	--name a.example.org --eab-kid kid
wrong "no such file" --directory https://localhost/dir \
	--name a.example.org --trust "$LAB/none"
pebble
pebble_bound

space=(unshare --net)
[ "$(id -u)" = 0 ] || space+=(--user --map-root-user)
if "${space[@]}" true 2>"$LAB/unshare"; then
	"${space[@]}" "$here/try_ca_test.sh" --caddy || failures=$((failures + 1))
else
	echo "skip Caddy: $(cat "$LAB/unshare")"
fi
[ "$failures" -eq 0 ]
