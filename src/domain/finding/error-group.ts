/**
 * Failures that are alike: those of one type of jobs whose messages differ in numbers and ids only. What a group is called follows from
 * type and folded message alone, so that it is the same after a restart and on another server.
 */
import { createHash } from 'node:crypto';
import type { Job } from '../job.js';

/** Characters of a message that tell one group from another. */
const messageChars = 300;
/** More is not looked at: what folds shorter may still fill `messageChars`. */
const readChars = 1200;

const ids = /\b(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|job_\d+_[0-9a-f]{8})\b/gi;
/** Words in which letters and digits mix: hexadecimal hashes, ids of other systems. */
const mixed = /\b(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{6,}\b/g;
const numbers = /\d+(?:\.\d+)*/g;

/** A message without what differs from one failure to the next: each number and id is `#`. */
export function foldMessage(message: string): string {
  const read = message.slice(0, readChars);
  const folded = read.replace(ids, '#').replace(mixed, '#').replace(numbers, '#').slice(0, messageChars);
  // Half a character at the end is none.
  return Buffer.from(folded).toString();
}

/** The group of a failure: 48 bits. @param folded what `foldMessage` has made of its message */
function groupOf(name: string, folded: string): number {
  return createHash('sha256').update(`${name}\n${folded}`).digest().readUIntBE(0, 6);
}

const groupDigits = 12;

/** A group as answers show it: 12 hexadecimal digits. */
export const formatGroup = (group: number): string => group.toString(16).padStart(groupDigits, '0');

const groupForm = /^[0-9a-f]{12}$/;

/** The group that such a text names; undefined when it is none. */
export function parseGroup(text: string): number | undefined {
  return groupForm.test(text) ? Number.parseInt(text, 16) : undefined;
}

/** The group of a job that has failed; undefined for any other. */
export function groupOfJob({ spec, state, detail }: Job): number | undefined {
  if (state.status !== 'failed') return undefined;
  return groupOf(spec.name, foldMessage(detail.lastError?.message ?? ''));
}
