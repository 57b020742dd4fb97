#!/usr/bin/env bash
# A CA that takes every request and answers none, with more orders than the
# issuer has workers: another CA's orders go on as if nothing were.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need softhsm2-util curl jq

lab_open
trap lab_close EXIT
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
lab_fakeca
echo 'new-order * delay 60000' >"$LAB/fakeca/silent.script"
cat >"$LAB/conf" <<-END
	state "$LAB/state"
	listener "api" { path "$LAB_SOCKET" }
	http-listen "127.0.0.1:$LAB_HTTP_PORT"
	token "main" {
		module "$LAB_SOFTHSM"
		uri "pkcs11:token=lab"
		pin-source "file:$LAB/pin"
	}
	tenant "operator" { uid $(id -u) }
	allow "operator" { operations * names "*" }
END
for ca in silent good; do
	cat >>"$LAB/conf" <<-END
		ca "$ca" {
			directory "$LAB_FAKECA/$ca/directory"
			trust "$LAB_TRUST"
			timeout 5s
		}
		account "$ca" {
			ca "$ca"
			key ec-p256 { token "main" }
			terms agreed
		}
	END
done
lab_broker "$LAB/conf"

declare_one() { # ACCOUNT NAME [OPTION]...
	kb certificate declare "$2" --account "$1" --name "$2.example.org" \
		--order "${@:3}" >"$LAB/declare.$2" 2>&1
}

requests() { # CA STEP
	curl -s --cacert "$LAB_TRUST" "$LAB_FAKECA/$1/counts" |
		jq ".requests.\"$2\""
}

asked() {
	[ "$(requests silent new-order)" -ge 4 ]
}

for i in {1..20}; do
	declare_one silent "s$i" || fail "order at the silent CA"
done
lab_wait 200 asked || fail "the silent CA was not asked"
began=$SECONDS
declare_one good first --wait || fail "the other CA's first order"
declare_one good second --wait || fail "the other CA's second order"
took=$((SECONDS - began))
[ "$took" -le 20 ] || fail "the other CA's orders took $took s"
echo "ok a CA that is silent keeps no other waiting ($took s)"

# It is still asked, but by one worker; and all go on as soon as it answers.
before=$(requests silent new-order)
sleep 12
after=$(requests silent new-order)
[ $((after - before)) -ge 1 ] || fail "the silent CA is not asked any more"
[ $((after - before)) -le 4 ] ||
	fail "the silent CA was asked $((after - before)) times in 12 s"
echo "ok a CA that is silent is asked one thing at a time"
