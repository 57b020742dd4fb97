# bash completion for keybroker(1).
#
# The program itself says what may come next, from its own table of commands
# and by asking the broker for names; see api/cli/complete.c.

_keybroker()
{
	local line

	COMPREPLY=()
	while IFS= read -r line; do
		if [[ $line == :file ]]; then
			compopt -o default
		else
			COMPREPLY+=("$line")
		fi
	done < <("$1" --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _keybroker keybroker
