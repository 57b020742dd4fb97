#!/bin/bash
# contrib/completion in a real shell: each command of the help is offered,
# and each of its options; files are left to the shell.  The manual passes
# mandoc's lint.  BUILD is the folder with the program.
set -eu
cd "$(dirname "$0")/../.."
program=${BUILD:-build/release}/keybroker
failed=0

# Completes the words and leaves the candidates in COMPREPLY.
offer()
{
	COMP_WORDS=("$program" "$@")
	COMP_CWORD=$#
	_keybroker "$program"
}

# True when the candidate $1 is among those offered.
offered()
{
	local word

	for word in "${COMPREPLY[@]}"; do
		[[ $word != "$1" ]] || return 0
	done
	return 1
}

complain()
{
	echo "completion_test: $*"
	failed=1
}

# compopt works in a running completion only.
compopt() { options="$*"; }
export KEYBROKER_SOCKET=/nonexistent
. contrib/completion/keybroker.bash

n=0
while read -r noun verb _; do
	offer ""
	offered "$noun" || complain "$noun is not offered"
	words=("$noun")
	if [[ $verb =~ ^[a-z]+$ ]]; then
		offer "$noun" ""
		offered "$verb" || complain "$noun $verb is not offered"
		words+=("$verb")
	fi
	offer "${words[@]}" --
	while read -r option; do
		offered "$option" ||
			complain "${words[*]} $option is not offered"
	done < <("$program" "${words[@]}" --help | grep -Eo -e '^  (-., )?--[a-z-]+' |
		grep -o -e '--[a-z-]*')
	n=$((n + 1))
done < <("$program" help | sed -n '/^Commands:/,/^Options:/s/^  \([a-z].*\)/\1/p')
[ "$n" -ge 30 ] || complain "only $n commands in the help"

options=
offer audit verify ""
[ "$options" = "-o default" ] || complain "no files for audit verify"
[ "${#COMPREPLY[@]}" -eq 0 ] || complain "more than files for audit verify"
offer certificate declare www --key-type = ec-p2
offered ec-p256 || complain "no word behind an equals sign"
if command -v zsh >/dev/null; then
	zsh -n contrib/completion/_keybroker || complain "zsh does not read it"
fi
if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning contrib/man/keybroker.1 ||
		complain "the manual has warnings"
fi
[ "$failed" -ne 0 ] || echo "ok completion of $n commands"
exit "$failed"
