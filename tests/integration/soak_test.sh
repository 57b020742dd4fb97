#!/usr/bin/env bash
# Twenty seconds of what `make soak` does for half an hour. (tests/run: long)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../soak/run" "${BUILD:-$here/../../build/test}" "${SECONDS_LONG:-20}"
