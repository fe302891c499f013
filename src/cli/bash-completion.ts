/** `escapement completion bash`: a script with all commands and options, so that no program is started at each Tab. */
import type { Command } from 'commander';

/** @returns a script to be read with `source` */
export function bashCompletion(program: Command): string {
  return `# Completion of escapement for bash. Read it with: source <(escapement completion bash)
_escapement() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command='' at next
  for ((at = 1; at < COMP_CWORD; at++)); do
    next="\${command:+$command }\${COMP_WORDS[at]}"
    case "$next" in
      ${names(program).join(' | ')}) command=$next ;;
    esac
  done
  case "$command:$before" in
${valueCases(program).join('\n')}
  esac
  case "$command" in
${wordCases(program).join('\n')}
  esac
}
complete -o default -F _escapement escapement
`;
}

interface Named {
  /** `jobs add` */
  readonly name: string;
  readonly command: Command;
}

function all(command: Command, prefix = ''): Named[] {
  return command.commands.flatMap((child) => {
    const name = prefix + child.name();
    return [{ name, command: child }, ...all(child, `${name} `)];
  });
}

function names(program: Command): string[] {
  return all(program).map(({ name }) => `'${name}'`);
}

/** After an option that takes a value: its choices, or files. */
function valueCases(program: Command): string[] {
  return all(program).flatMap(({ name, command }) =>
    command.options
      .filter(({ required, hidden }) => required && !hidden)
      .map(({ long, argChoices }) => {
        const reply = argChoices ? `COMPREPLY=($(compgen -W '${argChoices.join(' ')}' -- "$word"))` : 'COMPREPLY=()';
        return `    '${name}:${long}') ${reply}; return ;;`;
      }),
  );
}

/** Where no value is asked for: further commands, choices of arguments, and options. */
function wordCases(program: Command): string[] {
  return [{ name: '', command: program }, ...all(program)].map(({ name, command }) => {
    const words = [
      ...command.commands.map((child) => child.name()),
      ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    ];
    const options = command.options.filter(({ hidden }) => !hidden).map(({ long }) => String(long));
    const both = [...words, ...options, '--help'].join(' ');
    return `    '${name}') [[ $word == -* || '${words.join(' ')}' ]] && COMPREPLY=($(compgen -W '${both}' -- "$word")) ;;`;
  });
}
