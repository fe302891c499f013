/** Durations out of bodies. */
import { LRUCache } from 'lru-cache';
import { parseDuration } from '../../domain/time/duration.js';
import type { Faults } from '../faults.js';

/** Durations that were read lately: clients write the same few over and over. */
const knownDurations = new LRUCache<string, number>({ max: 1000 });

/** Milliseconds; undefined when it is no text, which is a fault of the shape, or when a fault was added. */
export function readDuration(text: unknown, faults: Faults, path: string): number | undefined {
  if (typeof text !== 'string') return undefined;
  const known = knownDurations.get(text);
  if (known !== undefined) return known;
  const duration = parseDuration(text);
  if ('error' in duration) {
    faults.add(path, duration.error);
    return undefined;
  }
  knownDurations.set(text, duration.ms);
  return duration.ms;
}
