#!/usr/bin/env bash
# Answers that are no JSON, or not the JSON that they should be, at each step of
# an order: once, and the certificate is issued all the same; or always, and the
# order fails and says why.
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

# Where an answer is JSON, and what it says is needed.
json=(directory new-order authorization challenge poll-authorization order
	finalize poll-order)
rows='twice|%s|duplicate member|set /a 1 ;; twice /a
twice-status|%s|duplicate member|set /status "invalid" ;; twice /status "valid"
deep|%s|deep|deep 100
very-deep|%s|deep|deep 100000
huge|%s|longer than|pad 2000000
empty|%s|missing|set / {}
array|%s|not a JSON object|set / []
string|%s|not a JSON object|set / "ready"
null|%s|not a JSON object|set / null
number|%s|not a JSON object|set / 7
float|%s|number|set /a 1e400
no-body|%s|.|body
cut|%s|.|body {"status":"va
trailing|%s|.|append {}
mark|%s|.|body \xef\xbb\xbf{}
latin|%s|UTF-8|body {"status":"\xff"}
nul|%s|.|body {"status":"valid\0"}
nul-escape|%s|.|body {"status":"valid\\u0000"}
html|%s|text/html|header Content-Type text/html
text|%s|text/plain|header Content-Type text/plain
no-type|%s|of no type|no-header Content-Type
'
fakeca_rows "${json[@]}" <<<"${rows//%s/once}"
fakeca_rows "${json[@]}" <<<"${rows//%s/done}"
fakeca_rows "${json[@]}" new-account <<'END'
padded|harmless||pad 900000
unknown|harmless||set /a {"b":[1,2,{}]} ;; set /status2 null
parameters|harmless||header content-type Application/JSON; charset=utf-8; x="y"
END
fakeca_run
