# shellcheck shell=bash disable=SC2034
# A throw-away laboratory: token, CA, name server and broker in one folder,
# on loopback.  Sourced by contrib/demo, contrib/try-ca and the tests.
#
#   lab_open [FOLDER]      makes the folder (short path) and its clean-up
#   lab_token LABEL        a SoftHSM2 token with a random PIN in $LAB/pin
#   lab_dns                pebble-challtestsrv: every name is 127.0.0.1
#   lab_pebble [VAR=VALUE] Pebble on $LAB_DIRECTORY, trust in $LAB_TRUST
#   lab_fakeca             tests/fakeca: CA NAME at $LAB_FAKECA/NAME/directory,
#                          its script in $LAB/fakeca/NAME.script, trust in
#                          $LAB_TRUST
#   lab_broker CONFIG      keybrokerd; waits until it is ready
#   lab_close              ends every process by its pid and removes the folder
#
# LAB_BIN is where the programs are; LAB_PIDS lists what was started.

LAB_SOFTHSM=${LAB_SOFTHSM:-/usr/lib/softhsm/libsofthsm2.so}
LAB_PIDS=()

lab_die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# The built programs of this checkout, else those installed with us.
lab_find_programs() {
	local here
	here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
	if [ -n "${LAB_BIN:-}" ]; then
		:
	elif [ -x "$here/build/release/keybrokerd" ]; then
		LAB_BIN=$here/build/release
	else
		LAB_BIN=$(realpath "$here/../sbin")
	fi
	[ -x "$LAB_BIN/keybrokerd" ] ||
		lab_die "no keybrokerd in $LAB_BIN; run make first"
	LAB_KEYBROKER=$LAB_BIN/keybroker
	[ -x "$LAB_KEYBROKER" ] || LAB_KEYBROKER=$LAB_BIN/../bin/keybroker
	LAB_SIGNER=$LAB_BIN/keybroker-signer
	[ -x "$LAB_SIGNER" ] ||
		LAB_SIGNER=$LAB_BIN/../libexec/keybroker/keybroker-signer
}

lab_open() {
	LAB=${1:-$(mktemp -d /tmp/keybroker.XXXXXX)}
	mkdir -p "$LAB"
	chmod 700 "$LAB"
	lab_find_programs
	lab_ports
	LAB_SOCKET=$LAB/api.sock
}

# Takes fifty TCP ports for this laboratory, that none picks what another is
# about to use.  They lie below the range from which the kernel picks ports of
# outgoing connections.
lab_ports() {
	local i
	mkdir -p "$LAB/ports"
	for i in $(shuf -i 0-399); do
		LAB_PORTS_FILE=/tmp/keybroker-ports.$UID.$i
		exec {LAB_PORTS_LOCK}>"$LAB_PORTS_FILE"
		if flock -n "$LAB_PORTS_LOCK" && # and not one just removed
			[ "$LAB_PORTS_FILE" -ef "/dev/fd/$LAB_PORTS_LOCK" ]; then
			LAB_PORTS=$((10000 + 50 * i))
			return
		fi
		exec {LAB_PORTS_LOCK}>&-
	done
	lab_die "too many laboratories"
}

# One of them that was not given away yet and that nobody listens on.
lab_port() {
	local port
	for port in $(shuf -i "$LAB_PORTS-$((LAB_PORTS + 49))"); do
		if mkdir "$LAB/ports/$port" 2>/dev/null &&
			! lab_listens "$port"; then
			printf '%s\n' "$port"
			return
		fi
	done
	lab_die "no port is left"
}

# Waits at most $1 tenths of a second for a command to succeed.
lab_wait() {
	local left=$1
	shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		sleep 0.1
	done
}

lab_start() { # NAME COMMAND...
	local name=$1
	shift
	"$@" >"$LAB/$name.log" 2>&1 </dev/null {LAB_PORTS_LOCK}>&- &
	LAB_LAST=$!
	LAB_PIDS+=("$LAB_LAST")
}

# Only a child of ours: the number of one that ended may be another's by now.
lab_stop() { # PID
	grep -qs "^PPid:[[:space:]]*$BASHPID\$" "/proc/$1/status" || return 0
	kill -TERM "$1" 2>/dev/null || return 0
	if ! lab_wait 150 lab_gone "$1"; then
		kill -KILL "$1" 2>/dev/null || :
	fi
	wait "$1" 2>/dev/null || :
	return 0
}

lab_gone() {
	! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"
}

# False, and tells, when a sanitizer said something about a process, or its
# sandbox ended it; it may have been started anew since.
lab_sane() {
	! grep -h -A 30 -E '(ERROR|WARNING): .*Sanitizer|runtime error:|ended by its sandbox|sandbox: system call' \
		"$LAB"/*.log >&2 2>/dev/null
}

lab_close() {
	local i sane=1
	for ((i = ${#LAB_PIDS[@]} - 1; i >= 0; i--)); do
		lab_stop "${LAB_PIDS[i]}"
	done
	LAB_PIDS=()
	lab_sane || sane=''
	if [ -n "${LAB_PORTS:-}" ]; then
		rm -f "$LAB_PORTS_FILE"
		exec {LAB_PORTS_LOCK}>&-
	fi
	[ -n "${LAB_KEEP:-}" ] || rm -rf "$LAB"
	[ -n "$sane" ] || exit 1
}

# ------------------------------------------------------------------- token

lab_secret() { # FILE DIGITS
	(
		umask 077
		od -An -N 32 -t u4 /dev/urandom | tr -dc 0-9 |
			cut -c "1-$2" >"$1"
	)
}

lab_token() { # LABEL
	export SOFTHSM2_CONF=$LAB/softhsm2.conf
	mkdir -p "$LAB/tokens"
	cat >"$SOFTHSM2_CONF" <<-END
		directories.tokendir = $LAB/tokens
		objectstore.backend = file
		log.level = ERROR
	END
	lab_secret "$LAB/pin" 12
	lab_secret "$LAB/so-pin" 12
	"$LAB_SIGNER" --init-token --module "$LAB_SOFTHSM" --token "$1" \
		--pin-file "$LAB/pin" --so-pin-file "$LAB/so-pin"
}

# Runs a program of others that wants the PIN from a terminal: it gets one,
# and the PIN only after it has asked, so that it is in no argument list,
# environment or output.
lab_with_pin() { # COMMAND...
	local text="" c command
	printf -v command '%q ' "$@"
	coproc LAB_TTY { script -qefc "$command" /dev/null 2>&1; }
	# The shell closes its own ends as soon as the program has ended.
	local in out pid=$LAB_TTY_PID
	exec {in}<&"${LAB_TTY[0]}" {out}>&"${LAB_TTY[1]}"
	while IFS= read -r -d '' -n 1 -u "$in" c; do
		text+=$c
		if [[ $text == *"PIN: " ]]; then
			sleep 0.1
			cat "$LAB/pin" >&"$out"
			echo >&"$out"
			break
		fi
	done
	tr -d '\r' <&"$in"
	exec {in}<&- {out}>&-
	wait "$pid"
}

# ---------------------------------------------------------------------- CA

lab_dns() {
	LAB_DNS_PORT=$(lab_port)
	LAB_DNS_API=$(lab_port)
	lab_start dns pebble-challtestsrv -defaultIPv4 127.0.0.1 \
		-defaultIPv6 "" -dns01 "127.0.0.1:$LAB_DNS_PORT" -http01 "" \
		-https01 "" -tlsalpn01 "" -management "127.0.0.1:$LAB_DNS_API"
	lab_wait 100 lab_listens "$LAB_DNS_API" ||
		lab_die "pebble-challtestsrv did not start"
}

lab_listens() {
	(: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# A CA of one certificate for localhost, for Pebble's own HTTPS.
lab_tls() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj "/CN=laboratory TLS" -days 2 -keyout "$LAB/tls-ca.key" \
		-out "$LAB/trust.pem" 2>/dev/null &&
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
			-nodes -subj "/CN=localhost" -keyout "$LAB/tls.key" \
			-out "$LAB/tls.csr" 2>/dev/null &&
		openssl x509 -req -in "$LAB/tls.csr" -CA "$LAB/trust.pem" \
			-CAkey "$LAB/tls-ca.key" -days 2 -out "$LAB/tls.pem" \
			-extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") \
			2>/dev/null
	LAB_TRUST=$LAB/trust.pem
}

lab_pebble() { # [VARIABLE=VALUE]...
	local listen manage keys=''
	[ -s "$LAB/tls.pem" ] || lab_tls || lab_die "openssl failed"
	listen=${LAB_PEBBLE_PORT:-$(lab_port)}
	manage=$(lab_port)
	LAB_PEBBLE_PORT=$listen
	LAB_HTTP_PORT=${LAB_HTTP_PORT:-$(lab_port)}
	LAB_DIRECTORY=https://localhost:$listen/dir
	LAB_MANAGE=https://localhost:$manage
	[ -z "${LAB_EAB_KEYS:-}" ] ||
		printf -v keys ', "externalAccountMACKeys": %s' "$LAB_EAB_KEYS"
	cat >"$LAB/pebble.json" <<-END
		{ "pebble": { "listenAddress": "127.0.0.1:$listen",
		  "managementListenAddress": "127.0.0.1:$manage",
		  "certificate": "$LAB/tls.pem", "privateKey": "$LAB/tls.key",
		  "httpPort": $LAB_HTTP_PORT, "tlsPort": $(lab_port),
		  "ocspResponderURL": "",
		  "externalAccountBindingRequired": ${LAB_EAB:-false}
		  $keys } }
	END
	lab_start pebble env "$@" pebble -config "$LAB/pebble.json" \
		-dnsserver "127.0.0.1:$LAB_DNS_PORT"
	LAB_PEBBLE_PID=$LAB_LAST
	if ! lab_wait 150 lab_listens "$listen" || lab_gone "$LAB_PEBBLE_PID"
	then
		cat "$LAB/pebble.log" >&2
		lab_die "Pebble did not start"
	fi
}

# A CA that misbehaves as scripts say; there is one in a build of the tests.
lab_fakeca() {
	local listen
	mkdir -p "$LAB/fakeca"
	listen=$(lab_port)
	LAB_HTTP_PORT=${LAB_HTTP_PORT:-$(lab_port)}
	LAB_FAKECA=https://localhost:$listen
	LAB_TRUST=$LAB/fakeca/root.pem
	lab_start fakeca "$LAB_BIN/tests/fakeca/fakeca" --folder "$LAB/fakeca" \
		--port "$listen" --http-port "$LAB_HTTP_PORT"
	LAB_FAKECA_PID=$LAB_LAST
	if ! lab_wait 150 lab_listens "$listen" || lab_gone "$LAB_FAKECA_PID"
	then
		cat "$LAB/fakeca.log" >&2
		lab_die "fakeca did not start"
	fi
}

# ------------------------------------------------------------------ broker

lab_broker() { # CONFIG
	LAB_CONFIG=$1
	lab_start keybrokerd "$LAB_BIN/keybrokerd" --config "$1"
	LAB_BROKER_PID=$LAB_LAST
	lab_wait 300 lab_up
	lab_ready || {
		cat "$LAB/keybrokerd.log" >&2
		lab_die "keybrokerd did not become ready"
	}
}

# Ready, or there is nothing to wait for any more.
lab_up() {
	lab_gone "$LAB_BROKER_PID" || lab_ready
}

# An answer is enough: a broker with a failing certificate is ready, too.
lab_ready() {
	[ -n "$(kb --json status 2>/dev/null)" ]
}

kb() {
	"$LAB_KEYBROKER" --socket "$LAB_SOCKET" "$@"
}
