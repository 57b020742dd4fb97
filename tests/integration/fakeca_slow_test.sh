#!/usr/bin/env bash
# A CA that stalls, or sends a byte at a time, at each step of an
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
stall|once||delay 6000
slow|harmless||drip 20 64
stall|done|localhost|delay 6000
very-slow|done|localhost|drip 50
END
fakeca_run
