#!/usr/bin/env bash
# keybrokerd above programs that only pretend (supervisor_fake.c): what is
# started when, what is never started again, and what ends with what.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$here/build/test}
work=$(mktemp -d /tmp/kbsup.XXXXXX)
chmod 755 "$work"
failures=0
daemon=
helpers=()

fail() {
	local line=${BASH_LINENO[0]}
	[[ ${FUNCNAME[1]} = test_* ]] || line=${BASH_LINENO[1]}
	echo "  line $line: $*"
	bad=1
}

alive() {
	kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status"
}

# Waits up to $2 tenths of a second (default 50) for a line in the log.
seen() {
	local left=${2:-50}
	until grep -q -E -- "$1" "$log" 2>/dev/null; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		sleep 0.1
	done
}

want() { seen "$@" || fail "never seen: $1"; }
count() { grep -c -E -- "$1" "$log" || true; }
# Waits until a line was seen N times.
want_times() {
	local left=80
	until [ "$(count "$2")" -ge "$1" ]; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || { fail "seen $(count "$2") times: $2"; return; }
		sleep 0.1
	done
}
times_of() { grep -E -- "$1" "$log" | cut -d ' ' -f 1; }
pid_of() { grep -E -- "$1" "$log" | tail -n 1 | sed 's/.*pid=\([0-9]*\).*/\1/'; }
say() {
	echo "$*" >"$dir/do/say.new"
	mv "$dir/do/say.new" "$dir/do/say"
}

# A fresh folder with programs, PINs and a configuration.
prepare() {
	dir=$work/$1
	log=$dir/log
	mkdir -p "$dir/do"
	chmod 755 "$dir" "$dir/do"
	# Written by processes of other users in one of the tests.
	: >"$log"
	chmod 666 "$log"
	cp "$BUILD/keybrokerd" "$dir/"
	cp "$BUILD/tests/integration/supervisor_fake" "$dir/keybroker-core"
	for name in keybroker-signer keybroker-issuer notified activate; do
		ln "$dir/keybroker-core" "$dir/$name"
	done
	(umask 077 && echo 1234 >"$dir/pin" && echo 5678 >"$dir/pin2")
	configure
}

configure() {
	cat >"$dir/conf" <<END
state "$dir/state"
listener "api" { path "$dir/api.sock" mode 0666 }
issuer { workers ${workers:-9} }
${1:-}
token "main" {
	module "softhsm2"
	uri "pkcs11:token=main"
	pin-source "file:$dir/pin"
	lanes 2
	pin-count-low allow
}
token "other" {
	module "softhsm2"
	uri "pkcs11:token=other"
	pin-source "file:$dir/pin2"
	lanes 1
}
ca "ca" { directory "https://localhost/dir" }
account "main" {
	ca "ca"
	key ec-p256 { token "main" }
	terms agreed
}
certificate "www" {
	account "main"
	names "www.example.org"
	key ec-p256 { token "main" }
	challenge dns-01 { program "$dir/dns" { argument "one" timeout 1s } }
	deploy "$dir/deploy" { timeout 30s }
}
tenant "operator" { uid 0 }
allow "operator" { operations * names "*" }
END
}

up() {
	VENDOR_SETTING=1 LD_LIBRARY_PATH=/nowhere "$dir/keybrokerd" \
	    --config "$dir/conf" </dev/null >>"$dir/out" 2>&1 &
	daemon=$!
}

# Waits for the daemon's end; leaves its exit code in $code.
ended() {
	local left=200
	while alive "$daemon"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || { fail "does not end"; kill -9 "$daemon"; }
		sleep 0.1
	done
	wait "$daemon"
	code=$?
	daemon=
}

down() {
	kill -TERM "$daemon"
	ended
	[ "$code" = 0 ] || fail "exit code $code"
}

clean() {
	[ -z "$daemon" ] || kill -9 "$daemon" 2>/dev/null
	for pid in "${helpers[@]}"; do
		kill -9 "$pid" 2>/dev/null
	done
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 1' INT TERM

# ------------------------------------------------------------------- tests

test_start_and_stop() {
	configure "http-listen \"127.0.0.1:$((10000 + RANDOM % 20000))\""
	for lane in main-0 main-1 other-0; do
		echo "slow 200" >"$dir/do/lane-$lane"
	done
	up
	want 'core lane-up main/0 label=fake passed=1'
	want 'core lane-up main/1 label=fake passed=1'
	want 'core lane-up other/0 label=fake passed=1'
	want 'issuer channels=0123456789$'
	[ "$(grep -o -E 'lane-[a-z0-9-]+ (start|ready)' "$log" | cut -d ' ' -f 2 |
	    tr '\n' ' ')" = "start ready start ready start ready " ] ||
		fail "lanes did not start one at a time"
	want 'core start .*listeners=api passed=1 fds=0,1,2,3,5 env=PATH'
	want "core start .* text=$(stat -c %s "$dir/conf") "
	[ "$(count 'can write')" = 0 ] || fail "the configuration is not sealed"
	want 'lane-main-0 start .* bold pin=1234 fds=0,1,2,3,4,5 env='
	want 'lane-other-0 start .* careful pin=5678'
	want 'env=OPENSSL_CONF,VENDOR_SETTING,PATH$'
	want 'issuer start .* workers=9 http listening=1 fds=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14 env=PATH$'
	[ -S "$dir/api.sock" ] || fail "no socket"
	[ "$(stat -c %a "$dir/api.sock")" = 666 ] || fail "mode of the socket"
	[ "$(stat -c %a "$dir/state")" = 711 ] || fail "mode of the state"
	[ -z "$(find "$dir/state/latch" -type f ! -name '*.login')" ] ||
		fail "a marker was left"
	say state
	want 'core state 4711 \[\{"role":"supervisor","name":"keybrokerd","pid":[0-9]+,"state":"up","restarts":0\},\{"role":"core",[^}]*"sandbox":"landlock\+seccomp"\},\{"role":"issuer",[^}]*"sandbox":"seccomp"\},.*\{"role":"lane","name":"main/1","pid":[0-9]+,"state":"up","restarts":0\}'
	kill -HUP "$daemon"
	sleep 0.2
	alive "$daemon" || fail "SIGHUP ended it"
	down
	# The core is asked first; the others end because it does.
	[ "$(grep -o -E 'core stop|lane-main-0 end|issuer end' "$log" |
	    head -n 1)" = "core stop" ] || fail "the core was not asked first"
	[ "$(count ' end$')" = 4 ] || fail "somebody did not end in order"
	[ ! -e "$dir/api.sock" ] || fail "the socket was left"
}

test_mistake_starts_nothing() {
	echo 'bogus "word"' >>"$dir/conf"
	up
	ended
	[ "$code" = 78 ] || fail "exit code $code"
	grep -q "^$dir/conf:[0-9]*:[0-9]*: " "$dir/out" || fail "no mistake told"
	[ "$(count start)" = 0 ] || fail "something was started"
	[ ! -e "$dir/state" ] || fail "the state folder was made"
	configure
	"$dir/keybrokerd" --check "$dir/conf" || fail "--check refuses"
	"$dir/keybrokerd" --config - --check <"$dir/conf" || fail "stdin refused"
	"$dir/keybrokerd" --config "$dir/conf" --print >"$dir/printed" ||
		fail "--print"
	"$dir/keybrokerd" --print - <"$dir/printed" | cmp - "$dir/printed" ||
		fail "what is printed does not print to the same"
	chmod 666 "$dir/conf"
	"$dir/keybrokerd" --check "$dir/conf" 2>"$dir/err"
	[ $? = 78 ] || fail "a file that all may write is read"
	grep -q 'writable' "$dir/err" || fail "says nothing about the mode"
	"$dir/keybrokerd" --check "$dir/none" 2>/dev/null
	[ $? = 78 ] || fail "a missing file"
	"$dir/keybrokerd" --bogus 2>/dev/null
	[ $? = 78 ] || fail "an unknown option"
}

test_backoff() {
	echo "exit 75" >"$dir/do/lane-main-0"
	up
	want_times 4 'lane-main-0 start'
	want 'core lane-up main/1'
	want 'core lane-up other/0'
	want 'core lane-down main/0 token-unavailable exited with code 75'
	local gap=100 last=0 t
	for t in $(times_of 'lane-main-0 start' | head -n 4); do
		if [ "$last" != 0 ]; then
			[ $((t - last)) -ge "$gap" ] || fail "tried after $((t -
			    last)) ms, not $gap"
			gap=$((gap * 2))
		fi
		last=$t
	done
	[ -e "$dir/state/latch/main" ] && fail "a temporary failure latched"
	rm "$dir/do/lane-main-0"
	want 'core lane-up main/0'
	# Death of one lane or of the issuer is its own affair.
	kill -9 "$(pid_of 'lane-other-0 start')"
	want 'core lane-down other/0 token-unavailable killed by signal 9'
	want_times 2 'core lane-up other/0'
	kill -9 "$(pid_of 'issuer start')"
	want 'core issuer-down'
	want_times 2 'issuer channels=0123456789$'
	say kill main 1
	want_times 2 'core lane-up main/1'
	[ "$(count 'core start')" = 1 ] || fail "the core was started anew"
	down
}

test_pin_is_never_tried_again() {
	echo "pin" >"$dir/do/lane-main-0"
	up
	want 'core lane-down main/0 pin-refused CKR_PIN_INCORRECT'
	want 'core lane-down main/1 pin-refused CKR_PIN_INCORRECT'
	want 'core lane-up other/0'
	want 'issuer channels'
	grep -q 'CKR_PIN_INCORRECT' "$dir/state/latch/main" || fail "no reason"
	[ "$(wc -l <"$dir/state/latch/main")" = 1 ] || fail "not one line"
	sleep 1
	[ "$(count 'lane-main-. start')" = 1 ] || fail "tried again"
	say state
	want '"name":"main/1","state":"latched"'
	# Neither a new core, nor a killed nor a stopped keybrokerd forgets.
	kill -9 "$(pid_of 'core start')"
	want_times 2 'core lane-down main/1 pin-refused'
	want_times 2 'core lane-up other/0'
	kill -9 "$daemon"
	ended
	sleep 0.3
	up
	want_times 3 'core lane-down main/1 pin-refused .*CKR_PIN_INCORRECT'
	want_times 3 'core lane-up other/0'
	down
	up
	want_times 4 'core lane-up other/0'
	[ "$(count 'lane-main-. start')" = 1 ] || fail "tried after a restart"
	rm "$dir/do/lane-main-0"
	say unlatch main
	want 'core lane-up main/0'
	want 'core lane-up main/1'
	[ ! -e "$dir/state/latch/main" ] || fail "still latched"
	down
	# A bare exit code, while up, and a latch removed by hand.
	echo "exit 77" >"$dir/do/lane-other-0"
	up
	want 'core lane-down other/0 pin-refused exited with code 77'
	[ -e "$dir/state/latch/other" ] || fail "not latched"
	rm "$dir/do/lane-other-0" "$dir/state/latch/other"
	want_times 5 'core lane-up other/0'
	down
}

# A module that crashes when the PIN is refused does not tell so.
test_crashes_are_counted() {
	echo "crash" | tee "$dir/do/lane-main-0" >"$dir/do/lane-main-1"
	up
	want 'core lane-down main/0 pin-refused 2 logins in a row'
	want 'core lane-up other/0'
	sleep 1
	[ "$(count 'lane-main-. start')" = 2 ] || fail "tried more than twice"
	grep -q 'ended in a crash' "$dir/state/latch/main" || fail "no reason"
	down
	up
	want_times 2 'core lane-up other/0'
	[ "$(count 'lane-main-. start')" = 2 ] || fail "tried after a restart"
	rm "$dir/do/lane-main-0" "$dir/do/lane-main-1"
	say unlatch main
	want 'core lane-up main/0'
	want 'core lane-up main/1'
	# What was killed has not crashed, however often.
	echo "mute" >"$dir/do/lane-main-0"
	local before
	for _ in 1 2 3; do
		before=$(count 'lane-main-0 start')
		kill -9 "$(pid_of 'lane-main-0 start')"
		want_times $((before + 1)) 'lane-main-0 start'
	done
	[ ! -e "$dir/state/latch/main" ] || fail "latched without a crash"
	rm "$dir/do/lane-main-0"
	kill -9 "$(pid_of 'lane-main-0 start')"
	want_times 2 'core lane-up main/0'
	down
}

test_death_during_login() {
	echo "crash once" >"$dir/do/lane-main-0"
	up
	want 'lane-main-0 start .* bold'
	want 'core lane-down main/0 token-unavailable killed by signal 6'
	want 'lane-main-. start .* careful'
	want 'core lane-up main/0'
	want 'core lane-up main/1'
	[ ! -e "$dir/state/latch/main.trying" ] || fail "the marker was left"
	down
	# The same when keybrokerd itself dies in the middle.
	echo "mute" >"$dir/do/lane-main-0"
	: >"$log"
	up
	want 'lane-main-0 start .* bold'
	kill -9 "$daemon"
	ended
	[ -e "$dir/state/latch/main.trying" ] || fail "no marker"
	rm "$dir/do/lane-main-0"
	up
	want 'lane-main-0 start .* careful'
	want 'core lane-up main/1'
	grep -q 'lane-main-1 start .* bold' "$log" || fail "not bold any more"
	down
}

test_generation() {
	# More channels than one frame takes, and a text larger than one frame.
	workers=40
	configure "$(yes '# a comment of some length, to fill the file' |
	    head -n 4000)"
	workers=
	echo stubborn >"$dir/do/issuer"
	up
	want 'issuer channels'
	want 'core lane-up other/0'
	local old
	old=$(pid_of 'issuer start')
	say exit 70
	want 'lane-main-0 end'
	want 'lane-other-0 end'
	sleep 1
	[ "$(count 'core start')" = 1 ] || fail "new core beside old issuer"
	rm "$dir/do/issuer"
	want_times 2 'core start'
	! alive "$old" || fail "the old issuer lives"
	want_times 2 'issuer channels=0123456789'
	want_times 2 'core lane-up other/0'
	say nonsense
	want_times 3 'core start'
	want_times 3 'core lane-up other/0'
	say exit 78
	ended
	[ "$code" = 78 ] || fail "exit code $code"
	# A setting is wrong from the start, or not at all.
	: >"$log"
	echo "exit 78" >"$dir/do/lane-main-1"
	up
	want_times 2 'lane-main-1 start'
	want 'core lane-up other/0'
	down
	mv "$dir/do/lane-main-1" "$dir/do/lane-main-0"
	up
	ended
	[ "$code" = 78 ] || fail "a lane's 78 became $code"
}

test_no_orphans() {
	up
	want 'issuer channels'
	want 'core lane-up other/0'
	local pids pid
	pids="$(grep -o 'pid=[0-9]*' "$log" | cut -c 5-)"
	[ "$(echo "$pids" | wc -l)" = 5 ] || fail "five processes expected"
	kill -9 "$daemon"
	ended
	sleep 0.5
	for pid in $pids; do
		! alive "$pid" || fail "process $pid outlived keybrokerd"
	done
	# The socket is left, but nobody answers there.
	up
	want_times 2 'core lane-up other/0'
	# A second one keeps its hands off.
	"$dir/keybrokerd" --config "$dir/conf" 2>"$dir/err"
	[ $? = 75 ] || fail "a second keybrokerd"
	grep -q 'another keybrokerd' "$dir/err" || fail "does not say why"
	[ -S "$dir/api.sock" ] || fail "the second one took the socket"
	down
}

test_stubborn_core() {
	echo stubborn >"$dir/do/core"
	up
	want 'core lane-up other/0'
	local pid began
	pid=$(pid_of 'core start')
	began=$SECONDS
	kill -TERM "$daemon"
	want 'core stop'
	ended
	[ "$code" = 0 ] || fail "exit code $code"
	! alive "$pid" || fail "the core lives"
	[ $((SECONDS - began)) -ge 9 ] || fail "was not given time"
	[ $((SECONDS - began)) -le 14 ] || fail "took too long"
}

test_hooks() {
	cat >"$dir/deploy" <<-'END'
	#!/bin/sh
	echo "args=$# $KEYBROKER_NAMES"
	echo "err" >&2
	env | cut -d = -f 1 | sort | tr '\n' ','
	[ -t 0 ] || echo
	cat
	exit "${KEYBROKER_CODE:-0}"
	END
	cat >"$dir/dns" <<-'END'
	#!/bin/sh
	echo "$1"
	case $KEYBROKER_HOW in
	hang) sleep 60 & echo "$!" >"$KEYBROKER_FILE"; sleep 60 ;;
	loud) yes abcdefg | head -c 100000 ;;
	count) echo x >>"$KEYBROKER_FILE"; sleep 0.3 ;;
	esac
	END
	sed -i "s,\$KEYBROKER_FILE,$dir/file,g" "$dir/dns"
	chmod 755 "$dir/deploy" "$dir/dns"
	up
	want 'core lane-up other/0'
	say hook 1 0 www KEYBROKER_NAMES=www.example.org KEYBROKER_CODE=3
	want 'hook-done 1 status=3 timed-out=0 size=[0-9]* args=0 www.example.org\|err\|HOME,KEYBROKER_CODE,KEYBROKER_NAMES,PATH,PWD,\|$'
	say hook 2 1 www KEYBROKER_HOW=hang
	want 'hook-done 2 status=137 timed-out=1 size=4 one'
	sleep 0.2
	! alive "$(cat "$dir/file")" || fail "the hook's own child lives"
	say hook 3 1 www KEYBROKER_HOW=loud
	want 'hook-done 3 status=0 timed-out=0 size=4096 one'
	say hook 4 0 none
	want 'hook-done 4 status=126'
	say hook 5 0 www LD_PRELOAD=x
	want 'hook-done 5 status=126'
	say hook 6 0 www KEYBROKER_name=x
	want 'hook-done 6 status=126'
	say hook 7 9 www
	want 'hook-done 7 status=126'
	rm -f "$dir/file"
	local i
	for i in $(seq 100 119); do
		while [ -e "$dir/do/say" ]; do sleep 0.02; done
		say hook "$i" 1 www KEYBROKER_HOW=count
	done
	for i in $(seq 100 119); do
		want "hook-done $i status=0"
	done
	[ "$(wc -l <"$dir/file")" = 20 ] || fail "not each hook ran once"
	rm -f "$dir/deploy"
	say hook 8 0 www
	want 'hook-done 8 status=75'
	down
}

test_systemd() {
	sed -i 's,listener "api" .*,listener "api" { },' "$dir/conf"
	up
	ended
	[ "$code" = 78 ] || fail "a listener from nowhere: exit code $code"
	"$dir/notified" "$dir/notify" "$dir/told" &
	helpers+=($!)
	while [ ! -S "$dir/notify" ]; do sleep 0.05; done
	echo "slow 500" >"$dir/do/lane-main-1"
	echo "exit 75" >"$dir/do/lane-other-0"
	NOTIFY_SOCKET=$dir/notify WATCHDOG_USEC=400000 "$dir/activate" api \
	    "$dir/passed.sock" "$dir/keybrokerd" --config "$dir/conf" \
	    </dev/null >>"$dir/out" 2>&1 &
	daemon=$!
	want 'core start .*listeners=api passed=1 fds=0,1,2,3,5 env=PATH$'
	want 'lane-main-1 start'
	! grep -q READY=1 "$dir/told" || fail "READY before all lanes were tried"
	want 'core lane-down other/0'
	sleep 0.5
	grep -q '^READY=1' "$dir/told" || fail "no READY"
	[ "$(grep -c '^READY=1' "$dir/told")" = 1 ] || fail "READY twice"
	grep -q '^WATCHDOG=1' "$dir/told" || fail "the watchdog hears nothing"
	grep -q '^STATUS=core up, issuer up, ' "$dir/told" || fail "no STATUS"
	down
	grep -q '^STOPPING=1' "$dir/told" || fail "no STOPPING"
	[ -S "$dir/passed.sock" ] || fail "systemd's socket was removed"
}

test_changed_pin_file() {
	chmod 644 "$dir/pin"
	up
	want 'core lane-down main/0 configuration .*chmod 600'
	want 'core lane-up other/0'
	[ "$(count 'lane-main-0 start')" = 0 ] || fail "started without a PIN"
	echo 9999 >"$dir/pin"
	chmod 600 "$dir/pin"
	want 'lane-main-0 start .*pin=9999'
	want 'core lane-up main/0'
	down
	sed -i "s,file:$dir/pin\",credential:kb-pin\"," "$dir/conf"
	CREDENTIALS_DIRECTORY=$dir/creds
	export CREDENTIALS_DIRECTORY
	mkdir "$CREDENTIALS_DIRECTORY"
	(umask 077 && echo 4444 >"$CREDENTIALS_DIRECTORY/kb-pin")
	: >"$log"
	up
	unset CREDENTIALS_DIRECTORY
	want 'lane-main-0 start .*pin=4444'
	want 'core lane-up main/1'
	down
	# No terminal, no prompt: nothing starts.
	sed -i 's,credential:kb-pin,prompt,' "$dir/conf"
	: >"$log"
	setsid "$dir/keybrokerd" --config "$dir/conf" </dev/null 2>"$dir/err" &
	daemon=$!
	ended
	[ "$code" = 78 ] || fail "exit code $code without a terminal"
	[ "$(count start)" = 0 ] || fail "something was started"
	# With one, it is asked for without echo.
	if command -v script >/dev/null; then
		(sleep 0.7; echo 7777; sleep 1) | script -q -e -c \
		    "timeout -s TERM --foreground 3 $dir/keybrokerd --config $dir/conf" \
		    "$dir/typed" >/dev/null 2>&1
		want 'lane-main-0 start .*pin=7777'
		want 'lane-main-1 start .*pin=7777'
		! grep -q 7777 "$dir/typed" || fail "the PIN was echoed"
	fi
}

# Links and strangers' folders where the latches should be start nothing, and
# a link that stands for a latch is one.
test_latch_links() {
	mkdir "$dir/state" "$dir/elsewhere"
	chmod 700 "$dir/state"
	ln -s "$dir/elsewhere" "$dir/state/latch"
	up
	ended
	[ "$code" != 0 ] || fail "followed a link to its latches"
	[ "$(count start)" = 0 ] || fail "something was started"
	rm "$dir/state/latch"
	mkdir "$dir/state/latch"
	chmod 777 "$dir/state/latch"
	up
	ended
	[ "$code" = 78 ] || fail "exit code $code: latches for everybody"
	chmod 700 "$dir/state/latch"
	ln -s "$dir/nowhere" "$dir/state/latch/main"
	up
	want 'core lane-up other/0'
	want 'core lane-down main/0 pin-refused'
	[ "$(count 'lane-main-. start')" = 0 ] || fail "tried with a latch"
	# Taken away under the feet of keybrokerd, the folder is still its own.
	mv "$dir/state/latch" "$dir/state/moved"
	sleep 3
	[ "$(count 'lane-main-. start')" = 0 ] || fail "lost its latches"
	[ ! -e "$dir/nowhere" ] || fail "wrote through a link"
	down
	mv "$dir/state" "$dir/real"
	ln -s "$dir/real" "$dir/state"
	up
	ended
	[ "$code" != 0 ] || fail "followed a link to its state"
}

# Where others could put a socket of their own, ours is not.
test_folder_of_the_socket() {
	mkdir "$dir/open" "$dir/sticky"
	chmod 777 "$dir/open"
	chmod 1777 "$dir/sticky"
	sed -i "s,$dir/api.sock,$dir/open/api.sock," "$dir/conf"
	up
	ended
	[ "$code" = 78 ] || fail "exit code $code: a folder for everybody"
	sed -i "s,$dir/open/api.sock,$dir/sticky/api.sock," "$dir/conf"
	echo secret >"$dir/secret"
	chmod 600 "$dir/secret"
	ln -s "$dir/secret" "$dir/sticky/api.sock"
	up
	ended
	[ "$code" = 78 ] || fail "exit code $code: a link instead of a socket"
	[ "$(stat -c %a "$dir/secret")" = 600 ] || fail "followed a link"
	rm "$dir/sticky/api.sock"
	up
	want 'core lane-up other/0'
	[ "$(stat -c %a "$dir/sticky/api.sock")" = 666 ] || fail "no access"
	down
	[ "$(id -u)" = 0 ] || return 0
	chown 65534 "$dir/sticky"
	up
	ended
	[ "$code" = 78 ] || fail "exit code $code: a folder of somebody else"
}

test_other_users() {
	if [ "$(id -u)" != 0 ]; then
		configure 'core { user "root" }'
		up
		ended
		[ "$code" = 78 ] || fail "promised a user it cannot become"
		return
	fi
	local uid
	uid=$(id -u nobody)
	configure 'core { user "nobody" } signer { user "nobody" }'
	sed -i "s,timeout 30s,user \"nobody\" timeout 30s," "$dir/conf"
	printf '#!/bin/sh\nid -u\n' >"$dir/deploy"
	chmod 755 "$dir/deploy"
	up
	want "core start .* uid=$uid .*passed=1"
	want "lane-main-0 start .* uid=$uid .*pin=1234"
	want "issuer start .* uid=0 "
	[ "$(stat -c %u "$dir/state")" = "$uid" ] || fail "owner of the state"
	[ "$(stat -c %u "$dir/state/latch")" = 0 ] || fail "owner of the latch"
	# The fake of this user cannot remove what root said.
	chmod 777 "$dir/do"
	say hook 1 0 www
	want "hook-done 1 status=0 timed-out=0 size=[0-9]* $uid"
	local pids pid
	pids="$(grep -o 'pid=[0-9]*' "$log" | cut -c 5-)"
	kill -9 "$daemon"
	ended
	sleep 0.5
	for pid in $pids; do
		! alive "$pid" || fail "process $pid outlived keybrokerd"
	done
	# A link in place of the latch folder is not followed.
	mv "$dir/state/latch" "$dir/state/gone"
	ln -s /etc "$dir/state/latch"
	up
	ended
	[ "$code" = 75 ] || [ "$code" = 78 ] || fail "exit code $code"
}

run() {
	bad=0
	prepare "$1"
	"test_$1"
	[ -z "$daemon" ] || { kill -9 "$daemon" 2>/dev/null; wait "$daemon"; }
	daemon=
	! grep -q 'runtime error:' "$dir/out" || bad=1
	if [ "$bad" = 0 ]; then
		echo "ok $1"
		return
	fi
	echo "not ok $1"
	echo "---- log"
	cut -c 1-300 "$log"
	echo "---- keybrokerd"
	tail -n 60 "$dir/out"
	failures=$((failures + 1))
}

[ -x "$BUILD/keybrokerd" ] || { echo "keybrokerd is not built"; exit 1; }
if [ $# = 0 ]; then
	set -- start_and_stop mistake_starts_nothing backoff \
	    pin_is_never_tried_again crashes_are_counted death_during_login latch_links \
	    generation no_orphans stubborn_core hooks systemd \
	    changed_pin_file folder_of_the_socket other_users
fi
for name; do
	run "$name"
done 2>&1
[ "$failures" = 0 ]
