# shellcheck shell=bash disable=SC2034
# What the integration tests of whole issuances share.  Sourced after lab.sh.

SKIP=77

need() { # PROGRAM...
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || {
			echo "skipped: $program is not installed"
			exit "$SKIP"
		}
	done
}

fail() {
	echo "FAIL: $*" >&2
	tail -n 30 "$LAB"/*.log >&2
	exit 1
}

# A configuration with one CA, one account, one certificate and an operator;
# further text comes from standard input.
configuration() { # NAMES...
	local quoted
	printf -v quoted ' "%s"' "$@"
	cat <<-END
		state "$LAB/state"
		listener "api" { path "$LAB_SOCKET" }
		http-listen "127.0.0.1:$LAB_HTTP_PORT"
		audit durable { token "main" }
		token "main" {
			module "$LAB_SOFTHSM"
			uri "pkcs11:token=lab"
			pin-source "file:$LAB/pin"
			lanes 2
		}
		ca "pebble" { directory "$LAB_DIRECTORY" trust "$LAB_TRUST" }
		account "main" {
			ca "pebble"
			key ec-p256 { token "main" }
			terms agreed
		}
		certificate "www" {
			account "main"
			names$quoted
			key ec-p256 { token "main" }
			challenge http-01
			deploy "$LAB/deploy" { timeout 10s retries 20 }
		}
		tenant "operator" { uid $(id -u) }
		allow "operator" { operations * names "*" }
	END
	cat
}

deploy_program() {
	printf '#!/bin/sh\necho "$KEYBROKER_SERIAL" >>"%s/deployed"\n' "$LAB" \
		>"$LAB/deploy"
	chmod 700 "$LAB/deploy"
}

# One member of a JSON reply, without JSON tools: the first of that name.
member() { # NAME
	grep -o '"'"$1"'":"\?[^",}]*' | head -n 1 | sed 's/^[^:]*:"\?//'
}

issued_at_ca() {
	grep -c 'Issued certificate serial' "$LAB/pebble.log" || :
}
