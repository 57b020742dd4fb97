#!/usr/bin/env bash
# What README.md and the manual pages show is true: a configuration behind
# <!-- checked: configuration --> starts a broker, commands behind
# <!-- checked: commands --> do what they say on it, requests behind
# <!-- checked: curl --> are answered.  Only paths, ports and users of a real
# host are replaced.  A line that ends in "# exit N" must exit with N.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
# shellcheck source=contrib/lab.sh
. contrib/lab.sh
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
need pebble pebble-challtestsrv softhsm2-util openssl curl mandoc

lab_open
trap lab_close EXIT
say() { echo "ok $*"; }
lines=0

# ------------------------------------------------------------- from the text

# The N-th block of a kind: what stands between the fences behind its mark.
block() { # KIND N
	awk -v mark="<!-- checked: $1 -->" -v want="$2" '
		$0 == mark { n++; armed = n == want; next }
		armed && /^```/ { if (inside) exit; inside = 1; next }
		inside' README.md
}

# The same of a manual page's EXAMPLES, whose displays are counted.
example() { # PAGE N
	awk -v want="$2" '
		/^[.]Sh/ { examples = $2 == "EXAMPLES" }
		examples && /^[.]Bd/ { n++; inside = n == want; next }
		/^[.]Ed/ { inside = 0 }
		inside' "contrib/man/$1" | sed 's/\\e/\\/g'
}

# Paths and names of a real host become those of the laboratory.
here_and_now() {
	sed -e "s,/usr/lib/vendor/libvendor.so,$LAB_SOFTHSM,g" \
		-e "s,/var/lib/keybroker,$LAB/state,g" \
		-e "s,/run/keybroker/api.sock,$LAB_SOCKET,g" \
		-e "s,/etc/keybroker/,$LAB/,g" \
		-e "s,/etc/ssl/,$LAB/,g" \
		-e "s,/root/audit.pub,$LAB/state/audit/audit.pub,g" \
		-e "s,credential:hsm-pin,file:$LAB/pin,g" \
		-e "s,\[::\]:80,127.0.0.1:$LAB_HTTP_PORT,g" \
		-e "s,user \"keybroker-[a-z]*\",user \"$(id -un)\"," \
		-e "s,group \"keybroker-clients\",gid $(id -g)," \
		-e "s,{ uid 0 },{ uid $(id -u) }," \
		-e "s,\(directory\) \"https://acme[^\"]*\",\1 \"$LAB_DIRECTORY\" trust \"$LAB_TRUST\"," \
		-e "s,\(--directory\) https://acme[^ ]*,\1 $LAB_DIRECTORY --trust $LAB_TRUST --http-port $LAB_HTTP_PORT,"
}

keybroker() { "$LAB_KEYBROKER" --socket "$LAB_SOCKET" "$@"; }
keybrokerd() { "$LAB_BIN/keybrokerd" "$@"; }
keybroker-try-token() { SIGNER=$LAB_SIGNER contrib/try-token "$@"; }
keybroker-try-ca() { contrib/try-ca "$@"; }

# Runs one command and compares its exit code with the one it promises.
run() { # LINE
	local code=0 want=0
	[ -n "$1" ] || fail "an empty command"
	[[ ! $1 =~ '# exit '([0-9]+) ]] || want=${BASH_REMATCH[1]}
	eval "$1" >"$LAB/out.log" 2>&1 || code=$?
	[ "$code" -eq "$want" ] || fail "exit $code instead of $want: $1"
	lines=$((lines + 1))
}

run_block() { # TITLE N; the block is standard input
	local line
	lines=0
	while IFS= read -r line <&3; do
		run "$line"
	done 3< <(here_and_now)
	[ "$lines" -ge "$2" ] || fail "$1: only $lines commands"
	say "$1: $lines commands"
}

# ---------------------------------------------------------- what is written

check_targets() {
	local target n=0
	for target in $(tr '\n' ' ' <README.md |
		sed -n 's/.*Targets: `make \([^`]*\)`.*/\1/p'); do
		grep -q "^$target:" Makefile || fail "make $target: no target"
		n=$((n + 1))
	done
	[ "$n" -ge 8 ] || fail "only $n targets in the README"
	say "targets: $n"
}

# Every file that is named, in backquotes, in a block or in the layout.
check_files() {
	local file n=0
	for file in $(grep -o -E '\b(policy|pkcs11|api|broker|tests|contrib)/[A-Za-z0-9_./-]*' \
		README.md contrib/keybroker-client/README.md |
		sed 's/^[^:]*://;s/[.]$//' | sort -u); do
		[ -e "$file" ] || fail "there is no $file"
		n=$((n + 1))
	done
	[ "$n" -ge 10 ] || fail "only $n files in the README"
	say "files: $n"
}

check_targets
check_files

# ------------------------------------------------------------- the first steps

lab_token production >"$LAB/token.log" 2>&1 || fail "no token"
lab_dns
lab_pebble PEBBLE_VA_NOSLEEP=1
deploy_program
mv "$LAB/deploy" "$LAB/reload-web"
block configuration 1 | here_and_now >"$LAB/keybroker.conf"
[ "$(wc -l <"$LAB/keybroker.conf")" -ge 30 ] || fail "no configuration"
! grep -n -E '/(usr/lib/vendor|etc|run)/|credential|acme-v02' \
	"$LAB/keybroker.conf" || fail "something was not replaced"

block commands 1 | run_block "try the token and the CA" 2
block commands 2 | run_block "config" 1
lab_broker "$LAB/keybroker.conf"
block commands 3 | run_block "the first certificate" 6
lab_wait 50 test -s "$LAB/deployed" || fail "nothing was deployed"
block commands 4 | run_block "talking to it" 8
[ -z "$(block commands 5)" ] || fail "commands that are not run"
block curl 1 | sed 's/^curl /curl --fail --silent --show-error /' |
	run_block "curl" 2

# ------------------------------------------------------------------- examples

for n in 1 2 3 4 5; do
	text=$(example keybroker.1 $n | here_and_now |
		sed 's/declare shop/declare kiosk/;s/\(renew\|chain\) shop/\1 kiosk/')
	[ -n "$text" ] || fail "keybroker(1) has no example $n"
	if [[ $text == *jq* ]] && ! command -v jq >/dev/null; then
		echo "skip keybroker(1), example $n: no jq"
		continue
	fi
	run "$text"
	say "keybroker(1), example $n"
done
[ -z "$(example keybroker.1 6)" ] || fail "an example is not run"
openssl x509 -in "$LAB/shop.pem" -noout || fail "no chain was printed"

{
	sed '/^tenant/,$d' "$LAB/keybroker.conf"
	example keybroker.conf.5 1
} >"$LAB/policy.conf"
keybrokerd --check "$LAB/policy.conf" >"$LAB/out.log" 2>&1 ||
	fail "keybroker.conf(5), example"
say "keybroker.conf(5), example"

text=$(example keybrokerd.8 1)
(cd "$LAB" && run "$text")
say "keybrokerd(8), check"
example keybrokerd.8 2 | here_and_now | sed '/^systemctl/d' >"$LAB/deploy.sh"
KEYBROKER_FULLCHAIN=$LAB/state/certificates/www/fullchain.pem \
	KEYBROKER_KEY_URI=pkcs11:x sh "$LAB/deploy.sh" ||
	fail "keybrokerd(8), deploy program"
cmp "$LAB/www.pem" "$LAB/state/certificates/www/fullchain.pem"
say "keybrokerd(8), deploy program"

# A name server with one zone that takes updates.
nameserver() {
	LAB_NS_PORT=$(lab_port)
	tsig-keygen key >"$LAB/tsig.key"
	cat >"$LAB/zone" <<-END
		@ 60 SOA ns.example.org. root.example.org. 1 60 60 60 60
		@ 60 NS ns.example.org.
		ns 60 A 127.0.0.1
	END
	cat >"$LAB/named.conf" <<-END
		include "$LAB/tsig.key";
		options { directory "$LAB"; listen-on port $LAB_NS_PORT {
		  127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
		  recursion no; dnssec-validation no; session-keyfile none; };
		controls { };
		zone "example.org" { type primary; file "$LAB/zone";
		  allow-update { key "key"; }; };
	END
	lab_start named named -g -c "$LAB/named.conf"
	lab_wait 100 lab_listens "$LAB_NS_PORT" || fail "named did not start"
}

text_of_record() {
	dig +short -p "$LAB_NS_PORT" @127.0.0.1 _acme-challenge.example.org TXT
}

dns_program() { # ACTION VALUE
	KEYBROKER_ACTION=$1 KEYBROKER_VALUE=$2 KEYBROKER_DOMAIN=example.org \
		KEYBROKER_RECORD=_acme-challenge.example.org \
		sh "$LAB/dns.sh" || fail "keybrokerd(8), DNS program $1"
}

if command -v named >/dev/null && command -v nsupdate >/dev/null; then
	nameserver
	example keybrokerd.8 3 | here_and_now |
		sed "s/^server .*/server 127.0.0.1 $LAB_NS_PORT/" >"$LAB/dns.sh"
	dns_program present first
	dns_program present second
	[ "$(text_of_record | sort | tr '\n' ' ')" = '"first" "second" ' ] ||
		fail "the records are not there"
	dns_program cleanup first
	[ "$(text_of_record)" = '"second"' ] || fail "the wrong one is gone"
	say "keybrokerd(8), DNS program"
else
	echo "skip keybrokerd(8), DNS program: no name server"
fi
[ -z "$(example keybrokerd.8 4)" ] || fail "an example is not run"
