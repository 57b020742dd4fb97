#!/usr/bin/env bash
# The audit log of a running broker: files that are full, proof of all and of
# a range with the public key alone, following without polling, a tenant's own
# lines, and a log that was cut while nobody looked.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need softhsm2-util openssl curl setpriv
[ "$(id -u)" = 0 ] || { echo "skipped: needs root to be somebody else"; exit "$SKIP"; }

say() { echo "ok $*"; }

requests() { # NUMBER, as ourselves and on one connection
	curl -s --unix-socket "$LAB_SOCKET" -o /dev/null \
		"http://localhost/v1/keys?limit=[1-$1]"
}

# On a machine that has neither the broker nor the token.
elsewhere() { # ARGUMENTS... of audit verify
	env -i "$LAB_BIN/keybroker" --socket /nonexistent audit verify "$@"
}

proved() { # ARGUMENTS...
	elsewhere "$@" >"$LAB/verify.log" || fail "verify: $(cat "$LAB/verify.log")"
}

damaged() { # WORDS ARGUMENTS...
	local words=$1 status=0
	shift
	elsewhere "$@" >"$LAB/verify.log" || status=$?
	[ "$status" = 1 ] && grep -q "$words" "$LAB/verify.log" ||
		fail "no $words: $(cat "$LAB/verify.log")"
}

lab_open
trap lab_close EXIT
chmod 711 "$LAB"
lab_token lab >"$LAB/token.log" 2>&1 || fail "no token"
cat >"$LAB/conf" <<-END
	state "$LAB/state"
	listener "api" { path "$LAB_SOCKET" mode 0666 }
	audit durable {
		token "main"
		rotate 64KiB
		checkpoint { lines 50 }
	}
	token "main" {
		module "$LAB_SOFTHSM"
		uri "pkcs11:token=lab"
		pin-source "file:$LAB/pin"
		lanes 1
	}
	tenant "operator" { uid 0 }
	allow "operator" { operations * names "*" }
	tenant "guest" { uid 65533 }
	allow "guest" { operations key.read audit.own }
END
lab_broker "$LAB/conf"
log=$LAB/state/audit
lab_wait 100 test -s "$log/audit.pub" || fail "no audit.pub"
has_checkpoint() { grep -q '"event":"checkpoint"' "$log/audit.log"; }
lab_wait 100 has_checkpoint || fail "no checkpoint at the start"
cp "$log/audit.pub" "$LAB/pub"
pin=$(openssl pkey -pubin -in "$LAB/pub" -outform DER | sha256sum | cut -d' ' -f1)

requests 400
has_full() { ls "$log"/audit-0000000000000001.log; }
lab_wait 100 has_full || fail "no full file"
requests 60
full=$(kb --json audit rotate | member file)
test -s "$log/$full" || fail "audit rotate named $full"
requests 20
[ "$(find "$log" -name 'audit-*.log' | wc -l)" -ge 2 ] || fail "files: $(ls "$log")"
proved --key "$LAB/pub" "$log"
proved --pin "$pin" "$log"
damaged unknown-key --pin "${pin//[0-4]/5}" "$log"
say "files are changed by size and on demand, and the chain goes on"

kb --json status >"$LAB/status"
grep -o '"checkpoint":{[^}]*}' "$LAB/status" >"$LAB/checkpoint" || fail "status"
mark=$(member seq <"$LAB/checkpoint"):$(member sha256 <"$LAB/checkpoint")
proved --key "$LAB/pub" --expect "$mark" --unproved 200 "$log"
other=$(tr 0-9a-f 1-9a-f0 <<<"${mark#*:}")
damaged edited --key "$LAB/pub" --expect "${mark%:*}:$other" "$log"
damaged unproved --key "$LAB/pub" --unproved 0 "$log"
say "the mark that status gives is in the log"

mkdir "$LAB/away"
cp "$log"/audit*.log "$LAB/away"
rm "$LAB/away/$full"
damaged removed --key "$LAB/pub" "$LAB/away"
cp "$log/$full" "$LAB/away"
sed -i '7s/"uid":0/"uid":1/' "$LAB/away/$full"
damaged "$full:7: edited" --key "$LAB/pub" "$LAB/away"
say "a file that is missing or changed is found"

kb audit export --from 90 --to 120 >"$LAB/range" 2>"$LAB/range.log" ||
	fail "export: $(cat "$LAB/range.log")"
grep -q '^seq 90 to 120, proved by' "$LAB/range.log" || fail "$(cat "$LAB/range.log")"
kb audit export --from 90 --to 120 "$log" >"$LAB/range2" 2>/dev/null
cmp "$LAB/range" "$LAB/range2" || fail "broker and files export different lines"
proved --key "$LAB/pub" --from 90 --last 120 --unproved 1 "$LAB/range"
sed '5s/"uid":0/"uid":1/' "$LAB/range" >"$LAB/range2"
damaged 'range2:5: edited' --key "$LAB/pub" --from 90 "$LAB/range2"
sed '$d' "$LAB/range" >"$LAB/range2"
damaged unproved --key "$LAB/pub" --from 90 --unproved 1 "$LAB/range2"
since=$(sed -n 's/.*"time":"\([^."]*\).*/\1Z/p;q' "$LAB/range")
kb audit export --since "$since" --to 120 >"$LAB/range2" 2>/dev/null
grep -q '"seq":90,' "$LAB/range2" || fail "export --since $since"
say "a range is proved by itself"

lab_start follow "$LAB_BIN/keybroker" --socket "$LAB_SOCKET" audit tail \
	-n 1 --follow --json --operation key.read
follower=$LAB_LAST
sleep 0.5
before=$(grep -c '"operation":"audit.read"' "$log/audit.log")
for i in 1 2 3; do
	requests 1
	sleep 0.2
done
followed() { [ "$(wc -l <"$LAB/follow.log")" -ge 4 ]; }
lab_wait 30 followed || fail "follow: $(cat "$LAB/follow.log")"
[ "$(grep -c '"operation":"audit.read"' "$log/audit.log")" = "$before" ] ||
	fail "following leaves lines"
say "who follows gets lines at once, and leaves none"

as_guest() { setpriv --reuid 65533 --regid 65533 --clear-groups "$@"; }
as_guest curl -s --unix-socket "$LAB_SOCKET" -o /dev/null http://localhost/v1/keys
as_guest curl -s --unix-socket "$LAB_SOCKET" \
	"http://localhost/v1/audit?tail=500" >"$LAB/own"
grep -q '"tenant":"guest"' "$LAB/own" || fail "own lines: $(cat "$LAB/own")"
! grep -q '"seq"\|"prev"\|"last"\|"uid":0\|operator' "$LAB/own" ||
	fail "more than own lines: $(cat "$LAB/own")"
as_guest curl -s --unix-socket "$LAB_SOCKET" -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' \
	-d '{}' http://localhost/v1/audit/rotate | grep -q 403 || fail "rotate"
say "a tenant sees its own lines only"

began=$SECONDS
lab_stop "$LAB_BROKER_PID"
[ $((SECONDS - began)) -lt 5 ] || fail "a stop waits for who follows"
wait "$follower" 2>/dev/null || :
proved --key "$LAB/pub" "$log"
say "a stop does not wait for who follows"

sed -i '$d' "$log/audit.log"
sed -i '$d' "$log/audit.log"
lab_broker "$LAB/conf"
grep -q '"event":"shortened"' "$log/audit.log" || fail "no word about the cut"
damaged ': cut: ' --key "$LAB/pub" "$log"
grep -q 'it was shortened' "$LAB/keybrokerd.log" || fail "no word in the log"
say "a log that was cut is found at the next start"
