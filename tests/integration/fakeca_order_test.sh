#!/usr/bin/env bash
# A CA whose objects are not what they should be: states out of turn, members
# that are missing or strange, chains of every wrong form.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=contrib/lab.sh
. "$here/../../contrib/lab.sh"
# shellcheck source=tests/integration/issue.sh
. "$here/issue.sh"
# shellcheck source=tests/integration/fakeca.sh
. "$here/fakeca.sh"
need softhsm2-util curl jq

fakeca_open

# name | how the order ends | reason | limits | the script, ";;" for a new line
while IFS='|' read -r name end reason limits script; do
	[ -n "$name" ] && [ "${name:0:1}" != '#' ] || continue
	# shellcheck disable=SC2086 # one word a limit
	fakeca_case "$name" "$end" "${reason:-^\$}" $limits \
		< <(sed 's/ *;; */\n/g' <<<"$script")
done <<'END'
# Orders that are further than one thinks, or never get on.
order-authorized|issued||answers=0|new-order 1 become authorized
order-ready|issued||answers=0|new-order 1 become ready
order-valid|failed|another key|answers=0|new-order 1 become valid
order-processing|failed|state processing|answers=0|new-order 1 become processing ;; poll-order * become processing ;; order * become processing
order-invalid|failed|computer says no||new-order 1 become invalid computer says no
order-invalid-later|failed|computer says no||order 1 become invalid computer says no
order-invalid-mute|failed|gave no reason||order 1 become invalid
order-pending|failed|state ready||order * become pending
order-pending-a-while|issued||requests=60|order 1-3 become pending
order-back-to-pending|failed|state [a-z]+||finalize 1 become pending ;; poll-order * become pending
order-processing-ever|failed|state processing||finalize 1 become processing ;; poll-order * become processing
order-processing-slow|issued|||finalize 1 become processing ;; poll-order 1-4 become processing
order-processing-day|failed|state processing||finalize * retry-after 86400 ;; poll-order * become processing
order-ready-again|issued||finalizations=2|finalize 1 become ready
order-ready-ever|failed|.|finalizations=9|finalize * become ready ;; poll-order * become ready
order-at-once|issued|||finalize 1 become valid
order-failed-late|failed|caa forbids||poll-order 1 become invalid caa forbids
order-status|failed|unknown status: unheard of||new-order * set /status "unheard of"
order-status-later|failed|unknown status||order * set /status "deactivated"
order-status-number|failed|status||order * set /status 7
order-status-long|failed|status||order * set /status "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
order-mute|failed|"status" is missing||order * remove /status
# Members of the order.
order-no-url|failed|Location|orders=9 requests=99|new-order * no-header Location
order-no-url-once|issued||orders=2|new-order 1 no-header Location
order-http-url|failed|Location|orders=9 requests=99|new-order * header Location http://localhost/1
order-relative|failed|Location|orders=9 requests=99|new-order * header Location /order/1
order-elsewhere|failed|configured origins||new-order 1 header Location https://localhost:1/order
order-no-finalize|failed|finalize|orders=9 requests=99|new-order * remove /finalize
order-finalize-http|failed|finalize|orders=9 requests=99|new-order * set /finalize "http://localhost/finalize"
order-finalize-null|failed|finalize|orders=9 requests=99|new-order * set /finalize null
order-finalize-moves|issued|||order * remove /finalize ;; poll-order * remove /finalize
order-no-list|failed|authorizations|orders=9 requests=99|new-order * remove /authorizations
order-empty-list|failed|state ready||new-order 1 set /authorizations [] ;; order * become pending
order-empty-ready|issued||answers=0|new-order 1 become ready ;; new-order 1 set /authorizations []
order-list-of-junk|failed|URL|orders=9 requests=99|new-order * set /authorizations [7,{}]
order-http-list|failed|URL|orders=9 requests=99|new-order * set /authorizations ["http://localhost/1"]
order-other-names|failed|other names||new-order 1 set /identifiers [{"type":"dns","value":"wrong.example"}]
order-more-names|failed|other names||new-order 1 set /identifiers/1 {"type":"dns","value":"wrong.example"}
order-other-types|failed|other names||new-order 1 set /identifiers/0/type "ip" ;; new-order 1 set /identifiers/0/value "192.0.2.1"
order-no-names|failed|identifiers|orders=9 requests=99|new-order * remove /identifiers
order-expires|failed|expires|orders=9 requests=99|new-order * set /expires "tomorrow"
order-expired|failed|deadline||new-order 1 set /expires "2001-01-01T00:00:00Z"
order-expires-1601|issued|||new-order 1 set /expires "1601-01-01T00:00:00Z"
order-no-expiry|issued|||new-order 1 remove /expires
order-no-certificate|failed|no certificate URL||poll-order * remove /certificate
order-certificate-http|failed|certificate||poll-order * set /certificate "http://localhost/1"
order-certificate-gone|failed|configured origins||poll-order * set /certificate "https://localhost:1/1"
order-error-strange|failed|no reason||order 1 become invalid x ;; order 1 set /error [1,"x"]
order-error-free|failed|Computer says no: x||order 1 become invalid x ;; order 1 set /error/type "Computer says no"
order-error-parts|failed|two.example||order 1 become invalid several ;; order 1 set /error/subproblems [{"type":"urn:ietf:params:acme:error:caa","detail":"forbidden","identifier":{"type":"dns","value":"two.example"}}]
# Authorizations.
authorization-valid|issued||answers=0|authorization 1 become valid
authorization-valid-bare|issued||answers=0|authorization 1 become valid ;; authorization 1 set /challenges []
authorization-valid-mute|issued||answers=0|authorization 1 become valid ;; authorization 1 remove /challenges
authorization-expired|failed|authorization is expired|answers=0|authorization 1 become expired
authorization-revoked|failed|authorization is revoked|answers=0|authorization 1 become revoked
authorization-deactivated|failed|authorization is deactivated||poll-authorization 1 become deactivated
authorization-invalid|failed|no such host||poll-authorization 1 become invalid no such host
authorization-strange|failed|authorization is limbo||authorization 1 set /status "limbo"
authorization-no-status|failed|"status" is missing||authorization * remove /status
authorization-other|failed|not in the certificate|answers=0|authorization 1 set /identifier/value "wrong.example"
authorization-nobody|failed|identifier|answers=0|authorization * remove /identifier
authorization-empty|failed|"type" is missing|answers=0|authorization * set /identifier {}
authorization-wildcard|failed|not in the certificate|answers=0|authorization 1 set /wildcard true
authorization-wild-text|failed|wildcard|answers=0|authorization * set /wildcard "yes"
authorization-asterisk|failed|not in the certificate|answers=0|authorization 1 set /identifier/value "*.example.org"
authorization-no-challenge|failed|offers no http-01|answers=0|authorization 1 set /challenges []
authorization-no-challenges|failed|offers no http-01|answers=0|authorization 1 remove /challenges
authorization-other-challenge|failed|it offers: tls-alpn-01, telepathy-01, dns-01|answers=0|authorization 1 set /challenges/1/type "telepathy-01"
authorization-free-type|failed|offers no http-01|answers=0|authorization 1 set /challenges/1/type "HTTP, as you like it"
authorization-upper-case|failed|offers no http-01|answers=0|authorization 1 set /challenges/1/type "HTTP-01"
authorization-many|failed|challenges|answers=0|authorization * set /challenges [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65,66]
authorization-expires|failed|expires|answers=0|authorization * set /expires 17
# Challenges.
challenge-no-token|failed|token|answers=0|authorization * remove /challenges/1/token
challenge-path|failed|token|answers=0|authorization * set /challenges/1/token "../../etc/passwd"
challenge-empty|failed|token|answers=0|authorization * set /challenges/1/token ""
challenge-long|failed|token|answers=0|authorization * set /challenges/1/token "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
challenge-other-token|failed|found no answer||authorization 1 set /challenges/1/token "another"
challenge-no-url|failed|url|answers=0|authorization * remove /challenges/1/url
challenge-http-url|failed|url|answers=0|authorization * set /challenges/1/url "http://localhost/"
challenge-elsewhere|failed|configured origins|answers=0|authorization * set /challenges/1/url "https://localhost:1/"
challenge-no-type|failed|type|answers=0|authorization * remove /challenges/1/type
challenge-invalid|failed|connection refused||challenge 1 become invalid connection refused
challenge-valid|issued|||challenge 1 become valid
challenge-pending|failed|no route|answers=9 requests=99|challenge * become pending no route
challenge-pending-once|issued||answers=2|challenge 1 become pending no route
challenge-pending-mute|failed|state validate|requests=99|challenge * become pending
challenge-processing|failed|state validate|requests=99|challenge * become processing
challenge-processing-already|issued||answers=0|authorization 1 set /challenges/1/status "processing" ;; poll-authorization 1 become valid ;; authorization 2 become valid
challenge-free-error|failed|Computer says no: x||challenge 1 become invalid x ;; poll-authorization * set /challenges/1/error/type "Computer says no"
challenge-odd-error|failed|no reason||challenge 1 become invalid x ;; poll-authorization * set /challenges/1/error ["x"]
challenge-wrong-answer|issued|||challenge 1 set / {"type":"http-01","status":"processing","url":"https://localhost/"}
# Accounts.
account-revoked|failed|account is revoked||new-account 1 set /status "revoked"
account-nowhere|failed|Location|requests=99|new-account * no-header Location ;; find-account * no-header Location
account-http|failed|Location|requests=99|new-account * header Location http://localhost/ ;; find-account * header Location http://localhost/
account-not-found|issued|||new-account 1 no-header Location
account-lost|failed|who are you|orders=0 accounts=1|new-order 1 problem 400 accountDoesNotExist who are you
account-mute|issued|||new-account 1 set / {}
account-eab|failed|no stranger|accounts=0|new-account * problem 403 externalAccountRequired no stranger
# Directories.
directory-no-nonce|failed|newNonce|accounts=0|directory * remove /newNonce
directory-no-account|failed|newAccount|accounts=0|directory * remove /newAccount
directory-no-order|failed|newOrder|accounts=0|directory * remove /newOrder
directory-http|failed|newOrder|accounts=0|directory * set /newOrder "http://localhost/"
directory-elsewhere|failed|localhost port 1|accounts=0 requests=99|directory * set /newNonce "https://localhost:1/"
directory-meta|failed|meta|accounts=0|directory * set /meta "none"
directory-random|issued|||directory * set /x7kQ "https://localhost/forum" ;; directory * remove /meta
directory-profiles|failed|profiles|accounts=0|directory * set /meta/profiles ["a"]
# Nonces.
nonce-none|failed|Replay-Nonce|accounts=0|new-nonce * no-header Replay-Nonce
nonce-junk|failed|Replay-Nonce|accounts=0|new-nonce * header Replay-Nonce a b
nonce-long|failed|Replay-Nonce|accounts=0|new-nonce * header Replay-Nonce xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
nonce-never-given-back|issued|||new-account * no-header Replay-Nonce ;; new-order * no-header Replay-Nonce ;; order * no-header Replay-Nonce ;; finalize * no-header Replay-Nonce
nonce-bad-nine-times|issued||requests=60|new-order 1-9 bad-nonce
nonce-bad-without-next|issued||requests=60|new-order 1-3 bad-nonce ;; new-order 1-3 no-header Replay-Nonce
# Chains.
chain-foreign-key|failed|another key||certificate * chain foreign-key
chain-wrong-names|failed|not asked for||certificate * chain wrong-names
chain-more-names|failed|not asked for||certificate * chain more-names
chain-other-names|failed|subjectAltName||certificate * chain other-names
chain-no-names|failed|no subjectAltName||certificate * chain no-names
chain-expired|failed|expired||certificate * chain expired
chain-future|failed|not valid yet||certificate * chain future
chain-backwards|failed|dates make no sense||certificate * chain backwards
chain-of-a-ca|failed|one of a CA||certificate * chain of-a-ca
chain-bad-signature|failed|not signed by the next||certificate * chain bad-signature
chain-out-of-order|failed|another key||certificate * chain out-of-order
chain-without-link|failed|not signed by the next||certificate * chain without-link
chain-leaf-twice|failed|CA||certificate * chain leaf-twice
chain-long|failed|more than||certificate * chain long
chain-huge|failed|bytes|requests=99|certificate * chain huge
chain-alone|issued|||certificate * chain alone
chain-self-signed|issued|||certificate * chain self-signed
chain-with-root|issued|||certificate * chain with-root
chain-no-newline|issued|||certificate * chain no-newline
chain-crlf|issued|||certificate * chain crlf
chain-with-prose|failed|line 1 of the chain|requests=99|certificate * chain with-prose
chain-with-key|failed|of the chain|requests=99|certificate * chain with-key
chain-with-nul|failed|NUL|requests=99|certificate * chain with-nul
chain-no-der|failed|malformed||certificate * chain no-der
chain-cut-off|failed|inside a certificate|requests=99|certificate * chain cut-off
chain-empty|failed|empty|requests=99|certificate * chain empty
chain-cut-off-once|issued|||certificate 1 chain cut-off
chain-html|failed|text/html|requests=99|certificate * header Content-Type text/html
chain-json|failed|application/json|requests=99|certificate * header Content-Type application/json
chain-no-type|failed|of no type|requests=99|certificate * no-header Content-Type
chain-parameters|issued|||certificate * header Content-Type Application/PEM-certificate-chain; charset=utf-8
chain-not-yet|failed|not yet|requests=99|certificate * problem 404 malformed not yet
chain-soon|issued|||certificate 1 problem 503 serverInternal soon ;; certificate 1 retry-after 1
END
fakeca_run
