# shellcheck shell=bash disable=SC2034
# What the tests of misbehaving CAs share: cases, each of them a CA with a
# script, an account, a certificate and an order, all at one broker.  Sourced
# after lab.sh and issue.sh.

FAKECA_STEPS=(directory new-nonce find-account new-account new-order
	authorization challenge poll-authorization order finalize poll-order
	certificate)
FAKECA_POSTS=("${FAKECA_STEPS[@]:2}")
FAKECA_PATIENCE=90s # of orders that should be issued
FAKECA_DEADLINE=12s # of those that cannot be
FAKECA_TOKEN=64     # cases a token
FAKECA_AT_ONCE=90   # orders that are open
FAKECA_WAIT=120     # seconds until all of them must have ended
fakeca_cases=()
declare -A fakeca_end fakeca_reason fakeca_limits

fakeca_open() {
	local folder=/tmp
	[ ! -w /dev/shm ] || folder=/dev/shm # where a flush costs nothing
	lab_open "$(mktemp -d "$folder/keybroker.XXXXXX")"
	trap lab_close EXIT
	lab_fakeca
	: >"$LAB/cases.conf"
}

# SoftHSM is slow with many objects in one token: a new one now and then.
fakeca_token() {
	local name=token$((${#fakeca_cases[@]} / FAKECA_TOKEN))
	if [ ! -s "$LAB/$name.pin" ]; then
		lab_token "$name" >"$LAB/token.log" 2>&1 || fail "no token"
		mv "$LAB/pin" "$LAB/$name.pin"
		cat >>"$LAB/cases.conf" <<-END
			token "$name" {
				module "$LAB_SOFTHSM"
				uri "pkcs11:token=$name"
				pin-source "file:$LAB/$name.pin"
				lanes 1
			}
		END
	fi
	fakeca_token=$name
}

# A case: how its order ends, what its reason must match, and by words such as
# orders=2 how many of what the CA may count (1, unless said otherwise).  The
# script comes from standard input.
fakeca_case() { # NAME issued|failed REASON [LIMIT]...
	local name=$1 deadline=$FAKECA_PATIENCE
	[ "$2" = issued ] || deadline=$FAKECA_DEADLINE
	[ -z "${fakeca_end[$name]:-}" ] || fail "two cases named $name"
	fakeca_token
	fakeca_cases+=("$name")
	fakeca_end[$name]=$2
	fakeca_reason[$name]=$3
	fakeca_limits[$name]="${*:4}"
	cat >"$LAB/fakeca/$name.script"
	cat >>"$LAB/cases.conf" <<-END
		ca "$name" {
			directory "$LAB_FAKECA/$name/directory"
			trust "$LAB_TRUST"
			timeout 5s
			order-deadline $deadline
		}
		account "$name" {
			ca "$name"
			key ec-p256 { token "$fakeca_token" }
			terms agreed
		}
	END
}

fakeca_configuration() {
	cat - "$LAB/cases.conf" <<-END
		state "$LAB/state"
		listener "api" { path "$LAB_SOCKET" }
		http-listen "127.0.0.1:$LAB_HTTP_PORT"
		audit relaxed
		issuer { workers 64 }
		tenant "operator" { uid $(id -u) }
		allow "operator" { operations * names "*" }
	END
}

# A line for each of the actions, which have ";;" between them.
fakeca_script() { # STEP WHICH ACTIONS
	printf '%s\n' "${3//;;/$'\n'}" | sed "s/^ */$1 $2 /"
}

# The same misbehaviour at each step that is named: once, at its first request,
# and the certificate is issued all the same; harmless, always; always, and the
# order fails with that reason; done, likewise, unless the step is one that the
# CA has done and that shows elsewhere.
fakeca_everywhere() { # NAME once|harmless|always|done REASON ACTIONS STEP...
	local name=$1 when=$2 reason=$3 actions=$4 step
	local -A empty=([new-nonce]='|HTTP')
	for step in "${@:5}"; do
		case $when,$step in
		once,*)
			fakeca_case "$step.$name-once" issued '^$' orders=2 \
				< <(fakeca_script "$step" 1 "$actions")
			;;
		harmless,* | done,new-account | done,challenge | done,finalize)
			fakeca_case "$step.$name" issued '^$' \
				< <(fakeca_script "$step" '*' "$actions")
			;;
		*)
			# the answer to a HEAD has no words
			fakeca_case "$step.$name" failed \
				"$reason${empty[$step]:-}" orders=9 requests=99 \
				< <(fakeca_script "$step" '*' "$actions")
			;;
		esac
	done
}

# Rows of a table: name|when|reason|action, for the steps that are named.
fakeca_rows() { # STEP...
	local name when reason action
	while IFS='|' read -r name when reason action && [ -n "$name" ]; do
		fakeca_everywhere "$name" "$when" "$reason" "$action" "$@"
	done
}

fakeca_orders() {
	kb --json order list | jq -s '[.[].items[]]' >"$LAB/orders.json"
}

# True when at most so many orders are open.
fakeca_open_orders() { # MOST
	fakeca_orders &&
		[ "$(jq 'map(select(.ended | not)) | length' \
			"$LAB/orders.json")" -le "$1" ]
}

# Orders those cases that are to end so, a hundred at a time, for deadlines are
# short; and waits until they have ended.
fakeca_order() { # issued|failed
	local name n=0
	for name in "${fakeca_cases[@]}"; do
		[ "${fakeca_end[$name]}" = "$1" ] || continue
		n=$((n + 1))
		[ $((n % 10)) != 0 ] || fakeca_wait "$FAKECA_AT_ONCE"
		kb certificate declare "$name" --account "$name" \
			--name "$name.example.org" --key-type ec-p256 \
			--order >/dev/null || fail "cannot order $name"
	done
	fakeca_wait 0
}

fakeca_wait() { # MOST
	lab_wait $((FAKECA_WAIT * 10)) fakeca_open_orders "$1" && return
	echo "not ok orders end within $FAKECA_WAIT s"
	fakeca_failures=$((fakeca_failures + 1))
}

# Counts of all CAs, one line each, in the order of the cases.
fakeca_counts() {
	local name
	for name in "${fakeca_cases[@]}"; do
		printf 'url = "%s/%s/counts"\n' "$LAB_FAKECA" "$name"
	done | curl -s --cacert "$LAB_TRUST" -K - >"$LAB/counts.json" ||
		fail "no counts"
}

# One line a case: state, what was counted, and the reason.
fakeca_table() {
	fakeca_counts
	printf '%s\n' "${fakeca_cases[@]}" | jq -R . | jq -r -n \
		--slurpfile orders "$LAB/orders.json" \
		--slurpfile counts "$LAB/counts.json" '
		[inputs] | to_entries[] | .value as $name | $counts[.key] as $c |
		[$orders[0][] | select(.certificate == $name)] as $o |
		[$name, ($o | length), $o[0].state, $c.misbehaviours, $c.refusals,
		 $c.reusedNonces + $c.unknownNonces, $c.accounts, $c.orders,
		 $c.answers, $c.finalizations, $c.certificates,
		 ([$c.requests[]] | add), ($c.lastRefusal | @json),
		 ($o[0].error // "")] | map(tostring) | join("\u001f")'
}

# One case: complains about all that is not as it should be.
fakeca_judge() { # NAME FIELDS...
	local name=$1 state=$3 why=() limit word
	local -A most=([misbehaviours]=100 [refusals]=0 [nonces]=0
		[accounts]=1 [orders]=1 [answers]=1 [finalizations]=1
		[certificates]=1 [requests]=40)
	local -A is=([misbehaviours]=$4 [refusals]=$5 [nonces]=$6
		[accounts]=$7 [orders]=$8 [answers]=$9 [finalizations]=${10}
		[certificates]=${11} [requests]=${12})
	for limit in ${fakeca_limits[$name]}; do
		most[${limit%=*}]=${limit#*=}
	done
	[ "$2" = 1 ] || why+=("$2 orders at the broker")
	[ "$state" = "${fakeca_end[$name]}" ] || why+=("it is $state")
	[ "$4" -ge 1 ] || why+=("the CA did not misbehave")
	for word in "${!most[@]}"; do
		[ "${is[$word]}" -le "${most[$word]}" ] ||
			why+=("$word: ${is[$word]}, not ${most[$word]}")
	done
	[ "$5" = 0 ] || why+=("refused: ${13}")
	[[ ${14} =~ ${fakeca_reason[$name]} ]] || why+=("its reason")
	if [ ${#why[@]} = 0 ]; then
		echo "ok $name ($state${14:+: ${14:0:160}})"
	else
		printf 'not ok %s: %s' "$name" "${why[0]}"
		[ ${#why[@]} = 1 ] || printf '; %s' "${why[@]:1}"
		printf ' (%s)\n' "${14:0:200}"
		fakeca_failures=$((fakeca_failures + 1))
	fi
}

# The most memory that a program of the broker ever had, in KiB.
fakeca_memory() { # PROGRAM
	local pid
	for pid in $(cat "/proc/$LAB_BROKER_PID/task/$LAB_BROKER_PID/children"); do
		[ "$(cat "/proc/$pid/comm")" != "${1:0:15}" ] ||
			sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' \
				"/proc/$pid/status"
	done
}

# A sanitizer keeps what was freed, so that memory is no measure.
fakeca_bounded() { # PROGRAM KIB
	local had
	had=$(fakeca_memory "$1")
	if grep -q __asan_init "$LAB_BIN/$1" || [ "$had" -le "$2" ]; then
		echo "ok $1 had $had KiB at most"
	else
		echo "not ok $1 had $had KiB, more than $2"
		fakeca_failures=$((fakeca_failures + 1))
	fi
}

fakeca_run() {
	local line fields began=$SECONDS
	fakeca_failures=0
	fakeca_configuration </dev/null >"$LAB/conf"
	lab_broker "$LAB/conf"
	fakeca_order issued
	fakeca_order failed
	while IFS= read -r line; do
		IFS=$'\x1f' read -r -a fields <<<"$line"
		fakeca_judge "${fields[@]}" ""
	done < <(fakeca_table)
	fakeca_bounded keybroker-core 65536
	fakeca_bounded keybroker-issuer 163840
	echo "${#fakeca_cases[@]} cases, $fakeca_failures failed," \
		"in $((SECONDS - began)) s"
	[ "$fakeca_failures" = 0 ]
}
