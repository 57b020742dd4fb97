#!/bin/bash
# Every fuzz target over its corpus: bugs that were found stay away.
set -eu
cd "$SOURCE"
failed=0
for target in tests/fuzz/*_fuzz.c; do
	name=${target##*/}
	name=${name%_fuzz.c}
	if said=$("$BUILD/tests/fuzz/${name}_fuzz" "tests/fuzz/corpus/$name" 2>&1)
	then
		echo "ok $name: $said"
	else
		echo "not ok $name: $said"
		failed=1
	fi
done
exit $failed
