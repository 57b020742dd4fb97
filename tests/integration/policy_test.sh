#!/usr/bin/env bash
# A peer without a rule gets 403 and an audit line; policy explain says the
# same, with the rule's line; configuration mistakes start nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv softhsm2-util openssl curl setpriv
[ "$(id -u)" = 0 ] || { echo "skipped: needs root to be somebody else"; exit "$SKIP"; }

lab_open
trap lab_close EXIT
chmod 711 "$LAB"
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
lab_dns
lab_pebble PEBBLE_VA_NOSLEEP=1
configuration www.example.org >"$LAB/conf" <<END
tenant "reader" { uid 65533 }
allow "reader" { operations certificate.read status.read certificates "www" }
deny "reader" { operations status.read }
END
sed -i 's/\(listener "api" { path "[^"]*"\)/\1 mode 0666/' "$LAB/conf"
deploy_program
lab_broker "$LAB/conf"
kb order watch 1 >/dev/null

as() { # UID CURL-ARGUMENTS...
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups curl -s \
		--unix-socket "$LAB_SOCKET" -H 'Content-Type: application/json' \
		-w '\n%{http_code} %{content_type}\n' "$@"
}

say() { echo "ok $*"; }

as 65534 http://localhost/v1/certificates/www >"$LAB/nobody"
grep -q '^403 application/problem+json' "$LAB/nobody" || fail "no 403: $(cat "$LAB/nobody")"
grep -q 'urn:keybroker:error:denied' "$LAB/nobody" || fail "no problem type"
grep -q '"decision":"deny".*"uid":65534' "$LAB/state/audit/audit.log" ||
	fail "the refusal left no audit line"
say "a peer without a rule: 403 and an audit line"

as 65533 http://localhost/v1/certificates/www >"$LAB/reader"
grep -q '^200 ' "$LAB/reader" || fail "reader: $(cat "$LAB/reader")"
say "a peer with a rule reads"

line=$(grep -n '^allow "reader"' "$LAB/conf" | cut -d: -f1)
kb --json policy explain --operation certificate.read --uid 65533 --gid 65533 \
	--certificate www >"$LAB/explain"
grep -q '"allow":true' "$LAB/explain" || fail "explain: $(cat "$LAB/explain")"
[ "$(member line <"$LAB/explain")" = "$line" ] || fail "explain: not line $line"
say "policy explain gives the rule's line"

as 65533 http://localhost/v1/status | grep -q '^403' || fail "deny does not override"
line=$(grep -n '^deny "reader"' "$LAB/conf" | cut -d: -f1)
kb --json policy explain --operation status.read --uid 65533 --gid 65533 \
	>"$LAB/explain" || :
grep -q '"allow":false' "$LAB/explain" || fail "explain: $(cat "$LAB/explain")"
[ "$(member line <"$LAB/explain")" = "$line" ] || fail "explain deny: not line $line"
say "deny overrides, and explain agrees"

kb --json policy explain --operation certificate.read --uid 65534 --gid 65534 \
	--certificate www >"$LAB/explain" || :
grep -q '"allow":false' "$LAB/explain" || fail "explain for nobody"
grep -q '"line":0' "$LAB/explain" || fail "explain for nobody names a line"
say "explain denies whom no rule names"

kb --json config print "$LAB/conf" >"$LAB/printed" 2>&1 ||
	kb config print "$LAB/conf" >"$LAB/printed"
kb config print "$LAB/printed" >"$LAB/printed2"
cmp "$LAB/printed" "$LAB/printed2" || fail "config print is not stable"
say "config print reads back identically"

sed 's/lanes 2/lanes two/' "$LAB/conf" >"$LAB/bad"
status=0
kb config check "$LAB/bad" >"$LAB/bad.out" 2>&1 || status=$?
[ "$status" -ne 0 ] || fail "config check took a mistake"
line=$(grep -n 'lanes two' "$LAB/bad" | cut -d: -f1)
grep -q ":$line:[0-9]*:" "$LAB/bad.out" || fail "no line and column: $(cat "$LAB/bad.out")"
status=0
"$LAB_BIN/keybrokerd" --config "$LAB/bad" >"$LAB/bad.start" 2>&1 || status=$?
[ "$status" -eq 78 ] || fail "keybrokerd started with a mistake: $status"
say "a mistake has line and column, and nothing starts"
