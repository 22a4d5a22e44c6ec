"""The texts that `scripts` fills in, each in its shell's own language.

`@PROGRAM@` and `@PROFILE@` stand for quoted words, `@NAME@` and `@NAMES@` for names of functions.
"""

from __future__ import annotations

from collections.abc import Mapping

from sentinel_server.frozen import frozen


@frozen
class Text:
    """One shell's parts: what runs sentinel, the switch, completion, and a function for one profile.

    What runs it begins anew, in the directory of the shell before, when that shell ended by switching: it
    left the words in a file that only the shell of the very next level writes to. That shell completes the
    profiles of the one above, whose AWS files it is told.

    `between` stands between names in a pattern that means each of them.
    """

    run: str
    switch: str
    completion: str
    one: str
    before_ones: str = ""
    after_ones: str = ""
    between: str = " | "


_POSIX_RUN = """\
function _sentinel_run {
  local next left word directory here=$PWD
  local -a words
  words=(exec)
  [[ $1 != server ]] || words+=(--server)
  shift
  [[ ${1--} == -* ]] || words+=(--profile)
  words+=("$@")
  if [[ $# -gt 1 || ${1-} == -* ]]; then
    command @PROGRAM@ "${words[@]}"
    return
  fi
  if [[ -n ${AWS_SENTINEL-} && ${_SENTINEL_LEVEL-} == "$SHLVL" && -f ${_SENTINEL_NEXT-} ]]; then
    printf '%s\\0' "$PWD" "${words[@]}" >"$_SENTINEL_NEXT" && exit
    : >"$_SENTINEL_NEXT"
    return 1
  fi
  next=$(mktemp "${TMPDIR:-/tmp}/sentinel.XXXXXXXX") || return
  while :; do
    left=0
    _SENTINEL_NEXT=$next _SENTINEL_LEVEL=$((SHLVL + 1)) \\
      _SENTINEL_CONFIG=${AWS_CONFIG_FILE-} _SENTINEL_CREDENTIALS=${AWS_SHARED_CREDENTIALS_FILE-} \\
      command @PROGRAM@ "${words[@]}" || left=$?
    [[ -s $next ]] || break
    directory='' words=()
    while IFS= read -r -d '' word; do
      if [[ -z $directory ]]; then directory=$word; else words+=("$word"); fi
    done <"$next"
    : >"$next"
    [[ $directory == "$PWD" ]] || builtin cd -- "$directory" || :
  done
  rm -f -- "$next"
  [[ $here == "$PWD" ]] || builtin cd -- "$here" || :
  return "$left"
}"""

_POSIX_SWITCH = """\
unalias @NAME@ 2>/dev/null || :
function @NAME@ { _sentinel_run @DOOR@ "$@"; }"""

_POSIX_ONE = 'function @NAME@ { _sentinel_run @DOOR@ --profile=@PROFILE@ "$@"; }'

_BASH_COMPLETION = """\
function _sentinel_complete {
  local what=sentinel offset=0 i reply replies
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then
      offset=$((i + 1))
      break
    fi
  done
  case $1 in
    @NAMES@)
      what=exec
      if ((!offset && COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} != -* && ${COMP_WORDS[2]} != [-:=@]* ]]; then
        offset=2
      fi
      ;;
    sentinel-*)
      what=exec
      if ((!offset)) && [[ ${COMP_WORDS[1]} != -* ]]; then
        offset=1
      fi
      ;;
  esac
  if ((offset)) && declare -F _command_offset >/dev/null; then
    _command_offset "$offset"
    return
  elif ((offset)); then
    ((offset == COMP_CWORD)) || return 0
    replies=$(compgen -c -- "$2")
  else
    replies=$(
      if [[ $what == exec && -n ${_SENTINEL_NEXT-} ]]; then
        export AWS_CONFIG_FILE=$_SENTINEL_CONFIG AWS_SHARED_CREDENTIALS_FILE=$_SENTINEL_CREDENTIALS
      fi
      command @PROGRAM@ shell complete -- bash "$what" "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null
    )
  fi
  while IFS= read -r reply; do
    [[ -z $reply ]] || COMPREPLY+=("$reply")
  done <<<"$replies"
}
complete -o default -o bashdefault -F _sentinel_complete sentinel @LISTED@"""

_ZSH_COMPLETION = """\
function _sentinel_complete {
  local what=sentinel offset=${words[(i)--]} reply
  local -a replies
  (( offset < CURRENT )) || offset=0
  case $service in
    (@NAMES@)
      what=exec
      if (( ! offset && CURRENT > 2 )) && [[ $words[2] != -* && $words[3] != -* ]]; then offset=2; fi
      ;;
    (sentinel-*)
      what=exec
      if (( ! offset )) && [[ $words[2] != -* ]]; then offset=1; fi
      ;;
  esac
  if (( offset )); then
    shift $offset words
    (( CURRENT -= offset ))
    _normal
    return
  fi
  for reply in "${(@f)$(
    if [[ $what == exec && -n ${_SENTINEL_NEXT-} ]]; then
      export AWS_CONFIG_FILE=$_SENTINEL_CONFIG AWS_SHARED_CREDENTIALS_FILE=$_SENTINEL_CREDENTIALS
    fi
    command @PROGRAM@ shell complete -- zsh $what "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null
  )}"; do
    [[ -z $reply ]] || replies+=("$reply")
  done
  if (( $#replies )); then _describe sentinel replies; else _files; fi
}
if (( $+functions[compdef] )); then compdef _sentinel_complete sentinel @LISTED@; fi"""

_FISH_RUN = """\
function _sentinel_run
    set -l typed $argv[2..-1]
    set -l words exec
    test $argv[1] = server; and set -a words --server
    set -q typed[1]; and not string match -q -- '-*' $typed[1]; and set -a words --profile
    set -a words $typed
    if test (count $typed) -gt 1; or string match -q -- '-*' $typed
        command @PROGRAM@ $words
        return
    end
    if set -q AWS_SENTINEL; and test "$_SENTINEL_LEVEL" = "$SHLVL" -a -f "$_SENTINEL_NEXT"
        string join0 -- $PWD $words >$_SENTINEL_NEXT; and exit
        return 1
    end
    set -l next (mktemp); or return
    set -l here $PWD
    set -l left 0
    while true
        env _SENTINEL_NEXT=$next _SENTINEL_LEVEL=(math $SHLVL + 1) _SENTINEL_CONFIG="$AWS_CONFIG_FILE" \\
            _SENTINEL_CREDENTIALS="$AWS_SHARED_CREDENTIALS_FILE" @PROGRAM@ $words
        set left $status
        test -s $next; or break
        set words (string split0 <$next)
        true >$next
        test $PWD = $words[1]; or builtin cd $words[1]
        set -e words[1]
    end
    rm -f -- $next
    test $PWD = $here; or builtin cd $here
    return $left
end"""

_FISH_SWITCH = """\
function @NAME@ --description 'Run a command, or a shell, with credentials of an AWS profile'
    _sentinel_run @DOOR@ $argv
end"""

_FISH_COMPLETION = """\
function __sentinel_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l all $words $word
    set -l what sentinel
    set -l offset (contains -i -- -- $words)
    switch $words[1]
        case @NAMES@
            set what exec
            if test -z "$offset" -a (count $words) -gt 1; and not string match -q -- '-*' $all[2..3]
                set offset 2
            end
        case 'sentinel-*'
            set what exec
            if test -z "$offset"; and not string match -q -- '-*' $all[2]
                set offset 1
            end
    end
    if test -n "$offset"
        set -e words[1..$offset]
        complete -C (string join -- ' ' (string escape -- $words) $word)
        return
    end
    set -l files
    if test $what = exec; and set -q _SENTINEL_NEXT
        set files AWS_CONFIG_FILE=$_SENTINEL_CONFIG AWS_SHARED_CREDENTIALS_FILE=$_SENTINEL_CREDENTIALS
    end
    set -l replies (env $files @PROGRAM@ shell complete -- fish $what $words[2..-1] $word 2>/dev/null)
    if set -q replies[1]
        printf '%s\\n' $replies
    else
        __fish_complete_path $word
    end
end
for each in sentinel @LISTED@
    complete -c $each -f -a '(__sentinel_complete)'
end"""

TEXTS: Mapping[str, Text] = {
    "bash": Text(
        run=_POSIX_RUN,
        switch=_POSIX_SWITCH,
        completion=_BASH_COMPLETION,
        one=f"  {_POSIX_ONE}\n  complete -o default -o bashdefault -F _sentinel_complete @NAME@",
        # In POSIX mode no function's name has a hyphen, and the mistake would end the shell.
        before_ones="if ! shopt -qo posix; then",
        after_ones="fi",
    ),
    "zsh": Text(
        run=_POSIX_RUN,
        switch=_POSIX_SWITCH,
        completion=_ZSH_COMPLETION,
        one=f"{_POSIX_ONE}\nif (( $+functions[compdef] )); then compdef _sentinel_complete @NAME@; fi",
    ),
    "fish": Text(
        run=_FISH_RUN,
        switch=_FISH_SWITCH,
        completion=_FISH_COMPLETION,
        one="function @NAME@; _sentinel_run @DOOR@ --profile=@PROFILE@ $argv; end\n"
        "complete -c @NAME@ -f -a '(__sentinel_complete)'",
        between=" ",
    ),
}
