#!/usr/bin/env bash
# Refusals of a CA, in all forms, at each step of an order: those that pass are
# waited for as the CA says, the others end the order in the CA's own words.
# tests/run: long
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

fakeca_rows "${FAKECA_STEPS[@]}" <<'END'
busy|once||problem 503 serverInternal busy
busy-seconds|once||problem 503 serverInternal busy ;; retry-after 1
busy-zero|once||problem 503 serverInternal busy ;; retry-after 0
busy-negative|once||problem 503 serverInternal busy ;; retry-after -5
busy-nonsense|once||problem 503 serverInternal busy ;; retry-after soon
busy-fraction|once||problem 503 serverInternal busy ;; retry-after 1.5
busy-past|once||problem 503 serverInternal busy ;; retry-after date -3600
busy-date|once||problem 503 serverInternal busy ;; retry-after date 2
busy-rfc850|once||problem 503 serverInternal busy ;; retry-after rfc850 2
busy-asctime|once||problem 503 serverInternal busy ;; retry-after asctime 2
limited|once||problem 429 rateLimited slow down ;; retry-after 1
limited-date|once||problem 429 rateLimited slow down ;; retry-after date 2
limited-bare|once||answer 429 -
gateway|once||answer 502 text/html <html>Bad Gateway</html>
internal|once||answer 500 -
string|once||answer 503 application/json "busy"
maintenance|always|under maintenance|problem 503 serverInternal under maintenance
limited|always|too many orders|problem 429 rateLimited too many orders ;; retry-after 5
limited-long|always|too many orders|problem 429 rateLimited too many orders ;; retry-after 86400
limited-huge|always|too many orders|problem 429 rateLimited too many orders ;; retry-after 99999999999999999999
limited-far|always|too many orders|problem 429 rateLimited too many orders ;; retry-after date 999999999
forbidden|always|unauthorized: not you|problem 403 unauthorized not you
free-text|always|Computer says no: that is that|problem 403 - that is that ;; set /type "Computer says no"
urn|always|urn:example:no: never|problem 403 urn:example:no never
no-type|always|that is that|problem 403 - that is that
no-detail|always|unauthorized|problem 403 unauthorized x ;; remove /detail
control|always|a\?\[31mb|problem 403 unauthorized x ;; set /detail "a\u001b[31mb"
numbers|always|no reason|problem 403 x x ;; set /type 7 ;; set /detail {} ;; set /subproblems 1 ;; set /instance []
see|always|see https://ca.example/terms|problem 403 userActionRequired read this ;; set /instance "https://ca.example/terms"
parts|always|two.example: caa: forbidden|problem 403 compound several ;; set /subproblems [7,{"type":"urn:ietf:params:acme:error:caa","detail":"forbidden","identifier":{"type":"dns","value":"two.example"}}]
padded|always|not you|problem 403 unauthorized not you ;; pad 900000
deep|always|not you|problem 403 unauthorized not you ;; deep 100
twice|always|not you|problem 403 unauthorized not you ;; twice /type
html|always|Not Found|answer 404 text/html <html>Not Found</html>
text|always|go away|answer 403 application/json "go away"
array|always|go away|answer 403 application/json ["go away"]
nothing|always|HTTP status 410|answer 410 -
redirect-301|always|HTTP status 301|redirect 301 https://localhost:1/
redirect-302|always|HTTP status 302|redirect 302 https://localhost:1/
redirect-303|always|HTTP status 303|redirect 303 https://localhost:1/
redirect-307|always|HTTP status 307|redirect 307 https://localhost:1/
redirect-308|always|HTTP status 308|redirect 308 http://localhost:1/
END
fakeca_rows "${FAKECA_POSTS[@]}" <<'END'
bad-nonce|once||bad-nonce
bad-nonces|always|badNonce|bad-nonce
END
fakeca_run
