/** What happened in a step of time, as numbers and as bytes. */

/** Steps by name, in milliseconds, and how long their points are kept. */
export const steps = {
  '10s': { ms: 10_000, keptMs: 3 * 3_600_000 },
  '5m': { ms: 300_000, keptMs: 7 * 86_400_000 },
} as const;
export type Step = keyof typeof steps;

export interface Point {
  /** When the step began, Unix milliseconds. */
  readonly at: number;
  readonly created: number;
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  /** At its end. */
  readonly pending: number;
  readonly running: number;
  /** Starts by how late they were: as many as there are bounds, and one for those beyond. */
  readonly lateness: readonly number[];
}

/** Two parts of one step; the second is the later one. */
export function together(first: Point, second: Point): Point {
  return {
    at: first.at,
    created: first.created + second.created,
    started: first.started + second.started,
    succeeded: first.succeeded + second.succeeded,
    failed: first.failed + second.failed,
    pending: second.pending,
    running: second.running,
    lateness: first.lateness.map((count, index) => count + (second.lateness[index] ?? 0)),
  };
}

/** The same steps on several nodes, in order. */
export function mergedPoints(parts: readonly (readonly Point[])[]): readonly Point[] {
  const byStep = new Map<number, Point>();
  for (const point of parts.flat()) {
    const other = byStep.get(point.at);
    if (other === undefined) byStep.set(point.at, point);
    else {
      const pending = other.pending + point.pending;
      byStep.set(point.at, { ...together(other, point), pending, running: other.running + point.running });
    }
  }
  return [...byStep.values()].sort((a, b) => a.at - b.at);
}

/**
 * The value that a share of the observations does not pass, as far as the bounds tell: within a bucket they are taken to lie evenly.
 *
 * @param share 0..1
 * @returns undefined where there is none; for what is beyond all bounds, the last of them
 */
export function quantile(bounds: readonly number[], counts: readonly number[], share: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let left = total * share;
  for (const [index, count] of counts.entries()) {
    if (left > count) {
      left -= count;
      continue;
    }
    const [from, to] = [bounds[index - 1] ?? 0, bounds[index]];
    if (to === undefined) return from;
    return count === 0 ? to : from + (to - from) * (left / count);
  }
  return bounds.at(-1);
}

const fields = ['created', 'started', 'succeeded', 'failed', 'pending', 'running'] as const;
const most = 2 ** 32 - 1;

/** Bytes of a point: its instant, its fields, its buckets, and a checksum. */
export const pointBytes = (buckets: number): number => 8 + (fields.length + buckets + 1) * 4;

export function writePoint(point: Point): Buffer {
  const bytes = Buffer.alloc(pointBytes(point.lateness.length));
  bytes.writeDoubleLE(point.at, 0);
  let at = 8;
  for (const value of [...fields.map((name) => point[name]), ...point.lateness])
    at = bytes.writeUInt32LE(Math.min(value, most), at);
  bytes.writeUInt32LE(checksum(bytes.subarray(0, at)), at);
  return bytes;
}

/** Undefined for what was never written, or not to its end. */
export function readPoint(bytes: Buffer): Point | undefined {
  const end = bytes.length - 4;
  const at = bytes.readDoubleLE(0);
  if (at === 0 || checksum(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) return undefined;
  const values: number[] = [];
  for (let place = 8; place < end; place += 4) values.push(bytes.readUInt32LE(place));
  const named = Object.fromEntries(fields.map((name, index) => [name, values[index] as number]));
  return { ...(named as Omit<Point, 'at' | 'lateness'>), at, lateness: values.slice(fields.length) };
}

/** FNV-1a. It tells a torn write from a whole one, and no more is asked of it. */
function checksum(bytes: Buffer): number {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
  return sum;
}
