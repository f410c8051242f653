/** Completion scripts of shells, from what there is to complete. Names of manifests, experiments and runs are asked for. */

/** What is completed by asking: names of these kinds, or files. */
export type Kind = 'manifests' | 'experiments' | 'runs' | 'files';

export interface CompletedOption {
  /** `--json` */
  flag: string;
  description: string;
  hasValue: boolean;
  /** its values, where they are known */
  words: readonly string[];
  takes: readonly Kind[];
}

/** A command as a shell is told of it. */
export interface Completed {
  /** `['data', 'fetch']` */
  path: readonly string[];
  description: string;
  /** values of its arguments that are known */
  words: readonly string[];
  takes: readonly Kind[];
  options: readonly CompletedOption[];
}

const head = (shell: string) => `# Completion of equipoise for ${shell}. Made by: equipoise completion ${shell}`;

/** In single quotes, as bash, zsh and fish take it. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

const childrenOf = (all: readonly Completed[], path: readonly string[]): Completed[] =>
  all.filter((each) => each.path.length === path.length + 1 && path.every((word, i) => each.path[i] === word));

const globalOptions = ['--help'];

/** The words that may come after a command: those below it, and values of its arguments. */
const wordsOf = (all: readonly Completed[], { path, words }: Completed): string[] => [
  ...childrenOf(all, path).map((child) => child.path.at(-1)!),
  ...words,
];

/** What a shell that knows `case` needs to know: by command, and by command and option. */
function cases(
  all: readonly Completed[],
  line: (pattern: string, words: readonly string[], takes: readonly Kind[]) => string,
) {
  const root: Completed = { path: [], description: '', words: ['help'], takes: [], options: [] };
  const every = [root, ...all];
  return {
    paths: all.map(({ path }) => quoted(path.join(' '))).join(' | '),
    options: every
      .map(({ path, options }) =>
        line(
          quoted(path.join(' ')),
          [...options.map(({ flag }) => flag), ...globalOptions, ...(path.length === 0 ? ['--version'] : [])],
          [],
        ),
      )
      .join('\n'),
    values: all
      .flatMap(({ path, options }) =>
        options
          .filter(({ hasValue }) => hasValue)
          .map(({ flag, words, takes }) => line(quoted(`${path.join(' ')} ${flag}`), words, takes)),
      )
      .join('\n'),
    words: every.map((each) => line(quoted(each.path.join(' ')), wordsOf(all, each), each.takes)).join('\n'),
  };
}

/** For bash 4 and later. */
export function bashScript(all: readonly Completed[]): string {
  const { paths, options, values, words } = cases(
    all,
    (pattern, list, takes) => `    ${pattern}) words=${quoted(list.join(' '))}; takes=${quoted(takes.join(' '))} ;;`,
  );
  return `${head('bash')}
_equipoise() {
  local cur=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local command='' words='' takes='' kind i word
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "\${command:+$command }$word" in
    ${paths}) command="\${command:+$command }$word" ;;
    *) [[ $word == -* ]] || break ;;
    esac
  done
  COMPREPLY=()
  case "$command $previous" in
${values}
    *)
      if [[ $cur == -* ]]; then
        case "$command" in
${options.replaceAll(/^/gm, '    ')}
        esac
      else
        case "$command" in
${words.replaceAll(/^/gm, '    ')}
        esac
      fi ;;
  esac
  for kind in $takes; do
    case $kind in
    files) ;;
    *) words+=" $(\${COMP_WORDS[0]} complete-names "$kind" 2>/dev/null)" ;;
    esac
  done
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  [[ $takes == *files* ]] && mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur")
  return 0
}
complete -o filenames -F _equipoise equipoise
`;
}

/** For zsh. */
export function zshScript(all: readonly Completed[]): string {
  const {
    paths,
    options,
    values,
    words: after,
  } = cases(
    all,
    (pattern, list, takes) => `    (${pattern}) list=(${list.map(quoted).join(' ')}); takes=(${takes.join(' ')}) ;;`,
  );
  return `#compdef equipoise
${head('zsh')}
_equipoise() {
  local command='' kind word joined
  local -a list takes found
  local i
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    joined="\${command:+$command }$word"
    case "$joined" in
    (${paths}) command=$joined ;;
    (*) [[ $word == -* ]] || break ;;
    esac
  done
  case "$command \${words[CURRENT-1]}" in
${values}
    (*)
      if [[ \${words[CURRENT]} == -* ]]; then
        case "$command" in
${options.replaceAll(/^/gm, '    ')}
        esac
      else
        case "$command" in
${after.replaceAll(/^/gm, '    ')}
        esac
      fi ;;
  esac
  for kind in $takes; do
    if [[ $kind == files ]]; then
      _files
    else
      found=(\${(f)"$(\${words[1]} complete-names $kind 2>/dev/null)"})
      list+=($found)
    fi
  done
  compadd -a list
}
if [ "$funcstack[1]" = "_equipoise" ]; then
  _equipoise "$@"
else
  compdef _equipoise equipoise
fi
`;
}

/** For fish. */
export function fishScript(all: readonly Completed[]): string {
  const condition = ({ path }: Pick<Completed, 'path'>) => quoted(`__equipoise_at ${path.join(' ')}`);
  const asked = (words: readonly string[], takes: readonly Kind[]) => {
    const names = takes.filter((kind) => kind !== 'files').map((kind) => `(__equipoise_names ${kind})`);
    return [...words, ...names].join(' ');
  };
  const values = (words: readonly string[], takes: readonly Kind[]) => {
    const list = asked(words, takes);
    return `${takes.includes('files') ? '' : ' -f'}${list === '' ? '' : ` -a ${quoted(list)}`}`;
  };
  const lines = all.flatMap((each) => {
    const above = { path: each.path.slice(0, -1) };
    return [
      `complete -c equipoise -n ${condition(above)} -f -a ${quoted(each.path.at(-1)!)} -d ${quoted(each.description)}`,
      ...(each.words.length + each.takes.length === 0
        ? []
        : [`complete -c equipoise -n ${condition(each)}${values(each.words, each.takes)}`]),
      ...each.options.map(
        ({ flag, description, hasValue, words, takes }) =>
          `complete -c equipoise -n ${condition(each)} -l ${flag.slice(2)}${hasValue ? ` -r${values(words, takes)}` : ''} -d ${quoted(description)}`,
      ),
    ];
  });
  const paths = all.map(({ path }) => quoted(path.join(' '))).join(' ');
  return `${head('fish')}
function __equipoise_at
    set -l command
    for word in (commandline -opc)[2..]
        set -l joined (string join -- ' ' $command $word)
        if contains -- $joined ${paths}
            set command (string split -- ' ' $joined)
        else if not string match -q -- '-*' $word
            break
        end
    end
    test "$command" = "$argv"
end
function __equipoise_names
    set -l program (commandline -opc)[1]
    $program complete-names $argv[1] 2>/dev/null
end
complete -c equipoise -f -l help -s h -d 'what a command does'
${lines.join('\n')}
`;
}
