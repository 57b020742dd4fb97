#!/usr/bin/env bash
# Connections to a CA that break, flood or babble, at each step of an
# order: once, and the certificate is issued all the same; or always, and the
# order fails and says why.  Nothing happens twice that must not.
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
unread|once||lose unread
before|once||lose before
during|once||lose during
reset-before|once||reset before
reset-during|once||reset during
babble|once||raw SSH-2.0-OpenSSH_9.2\r\n
cut-body|once||raw HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{
after|harmless||lose after
unread|always|localhost|lose unread
before|done|localhost|lose before
during|done|localhost|lose during
babble|done|localhost|raw SSH-2.0-OpenSSH_9.2\r\n
endless|done|longer than|endless
flood|done|longer than|flood 2000
END
fakeca_run
