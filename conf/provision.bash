# Completion of provision(1) for bash. What it offers comes from the program itself: commands and tasks from its help, fields from
# the help of the task, names from what is there.

_provision() {
	local cur prev words cword
	_init_completion -n @= || return
	case $cur in
	-*) COMPREPLY=($(compgen -W "$(provision help 2>/dev/null | grep -o -- '--[a-z-]*' | sort -u)" -- "$cur")) ;;
	@*) COMPREPLY=($(compgen -W "$(provision list --json 2>/dev/null | grep -o '"context":"@[^"]*"' | cut -d'"' -f4)" -- "$cur")) ;;
	*)
		if [ "$cword" -eq 1 ] || [ "${words[1]}" = help ] || [ "${words[1]}" = plan -a "$cword" -eq 2 ]; then
			COMPREPLY=($(compgen -W "$(provision help 2>/dev/null | awk '/^  [a-z]/ { print $1 }' | sort -u)" -- "$cur"))
		else
			local task=${words[1]}
			[ "$task" = plan ] && task=${words[2]}
			COMPREPLY=($(compgen -S = -W "$(provision help "$task" 2>/dev/null | awk '/^    [a-z]/ { print $1 }' | sort -u)" -- "$cur"))
			compopt -o nospace
		fi
		;;
	esac
}
complete -F _provision provision
