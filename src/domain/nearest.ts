/** What was most likely meant by a name that is not known: for the messages that refuse it. */
import { distance } from 'fastest-levenshtein';

/** Longer ones are not compared: the time that takes grows with the product of the lengths. */
const maxChars = 64;
const minPartChars = 3;

/** Capitals and the marks between words do not count: `triggerAt` is `trigger_at`. */
function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** How far apart they are, in edits; undefined when neither is likely to be meant by the other. */
function apart(given: string, known: string): number | undefined {
  if (given === known) return 0;
  const isPart = (one: string, other: string): boolean => one.length >= minPartChars && other.includes(one);
  if (isPart(given, known) || isPart(known, given)) return 1;
  const edits = distance(given, known);
  return edits <= Math.max(1, Math.floor(Math.max(given.length, known.length) / 3)) ? edits : undefined;
}

/** Those of the known names that may have been meant, the nearest first. */
export function nearest(text: string, known: readonly string[], most = 1): string[] {
  const given = plain(text);
  if (given === '' || given.length > maxChars) return [];
  return known
    .map((name) => ({ name, edits: apart(given, plain(name)) }))
    .filter((one): one is { name: string; edits: number } => one.edits !== undefined)
    .sort((a, b) => a.edits - b.edits)
    .slice(0, most)
    .map(({ name }) => name);
}

/** `; did you mean trigger_at?` to go behind a fault, and what there is: nothing is left for guessing. */
export function suggestion(text: string, known: readonly string[]): string {
  const [meant] = nearest(text, known);
  const list = known.join(', ');
  return meant === undefined ? `; there are ${list}` : `; did you mean ${meant}? There are ${list}`;
}
