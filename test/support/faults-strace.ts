/** Reading what `strace -f -ttt -xx` writes: one system call after the other, those in two pieces put together. */

export interface Call {
  readonly pid: number;
  readonly name: string;
  /** As printed, without the brackets. */
  readonly args: string;
  readonly result: number;
}

/**
 * The calls in order. One that changes something counts from where it began, one that waits for something (a flush) from
 * where it was through: so nothing looks safer than it was.
 */
export function readCalls(text: string): Call[] {
  const calls: (Call | undefined)[] = [];
  const begun = new Map<number, { at: number; head: string }>();
  for (const line of text.split('\n')) {
    const [, pidText, rest] = /^(\d+) +\d+\.\d+ (.*)$/s.exec(line) ?? [];
    if (pidText === undefined || rest === undefined) continue;
    const pid = Number(pidText);
    if (rest.endsWith('<unfinished ...>')) {
      begun.set(pid, { at: calls.push(undefined) - 1, head: rest.slice(0, -'<unfinished ...>'.length) });
      continue;
    }
    const tail = /^<\.\.\. \w+ resumed>(.*)$/s.exec(rest)?.[1];
    const first = tail === undefined ? undefined : begun.get(pid);
    const whole = first === undefined ? rest : first.head + tail;
    const [, name, args, result] = /^(\w+)\((.*)\) += (-?\d+)/s.exec(whole) ?? [];
    if (name === undefined || args === undefined) continue;
    const call: Call = { pid, name, args: args.trim(), result: Number(result) };
    if (Number(result) < 0) continue;
    if (first === undefined || name.endsWith('sync')) calls.push(call);
    else calls[first.at] = call;
  }
  return calls.filter((call) => call !== undefined);
}

/** The bytes in a call's arguments: all quoted strings, one after the other. */
export function bytesOf(args: string): Buffer {
  const pieces = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => hex!.replaceAll('\\x', ''));
  return Buffer.from(pieces.join(''), 'hex');
}
