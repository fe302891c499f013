/** What the system says about a call that failed, for a sentence of ours. */

/** Why a call of the system failed, without the path that it names. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const text = message.replace(/^[A-Z]+: /, '').replace(/, \w+ '.*$/s, '');
  return code === undefined || text.includes(code) ? text : `${text} (${code})`;
}
