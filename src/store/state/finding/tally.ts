/** How many jobs of each type are due, and of each group of a type: counted by their sets, in steps of about a millisecond. */
import { RoaringBitmap32 } from 'roaring-wasm';
import { groupOfWord } from '../../format/trees/job-label.js';
import { blockOf, blockSize } from '../../format/trees/set-block.js';
import type { TypeDictionary } from '../../format/type-dictionary.js';
import type { GroupCounts } from '../../queries-port.js';
import type { JobSets } from '../../trees/job-sets.js';
import type { JobLabels } from '../../trees/labels/job-labels.js';
import { blocksIn, type Postings, SeqSet } from '../../trees/labels/seq-set.js';
import type { DueTable } from './due-table.js';

/** What is counted. */
export interface TallyGround {
  readonly sets: JobSets;
  readonly labels: JobLabels;
  readonly types: TypeDictionary;
  readonly due: DueTable;
}

/** Groups that are counted in one step. */
const groupsPerStep = 128;

type DueBlocks = ReadonlyMap<number, RoaringBitmap32>;

/** Pending jobs that are due at `now` by type, of types that have some. Unix milliseconds. */
export function* tallyTypes(ground: TallyGround, now: number): Generator<undefined, ReadonlyMap<string, number>> {
  const { sets, types } = ground;
  const due = yield* dueBlocks(ground, now);
  try {
    const counts = new Map<string, number>();
    for (const [typeId, name] of types.all().entries()) {
      let count = 0;
      for (const [block, bitmap] of due) {
        const ofType = sets.bitmap(block, { typeId });
        if (ofType) count += bitmap.andCardinality(ofType);
      }
      if (count > 0) counts.set(name, count);
      if (typeId % groupsPerStep === groupsPerStep - 1) yield;
    }
    return counts;
  } finally {
    dispose(due);
  }
}

/** The groups of a type that have unfinished jobs, those with most of them first. */
export function* tallyGroups(
  ground: TallyGround,
  name: string,
  now: number,
): Generator<undefined, readonly GroupCounts[]> {
  const { sets, labels, types } = ground;
  const typeId = types.find(name);
  if (typeId === undefined) return [];
  const due = yield* dueBlocks(ground, now);
  try {
    const found: GroupCounts[] = [];
    let looks = 0;
    for (const [word, postings] of labels.groups()) {
      const counts = countGroup(sets, typeId, postings, due);
      if (counts.pending + counts.running > 0) found.push({ group: groupOfWord(word), ...counts });
      if (++looks % groupsPerStep === 0) yield;
    }
    return found.sort(mostFirst);
  } finally {
    dispose(due);
  }
}

function mostFirst(a: GroupCounts, b: GroupCounts): number {
  const [jobsA, jobsB] = [a.pending + a.running, b.pending + b.running];
  return jobsB - jobsA || (a.group < b.group ? -1 : 1);
}

function countGroup(sets: JobSets, typeId: number, postings: Postings, due: DueBlocks): Omit<GroupCounts, 'group'> {
  const counts = { pending: 0, due: 0, running: 0 };
  if (!(postings instanceof SeqSet)) {
    for (const seq of typeof postings === 'number' ? [postings] : postings) {
      const [block, low] = [blockOf(seq), seq % blockSize];
      if (!sets.bitmap(block, { typeId })?.has(low)) continue;
      const status = sets.statusOf(seq);
      if (status === 'pending' || status === 'running') counts[status]++;
      if (status === 'pending' && due.get(block)?.has(low)) counts.due++;
    }
    return counts;
  }
  for (const block of blocksIn(postings)) {
    const [ofGroup, ofType] = [postings.bitmap(block), sets.bitmap(block, { typeId })];
    if (!ofGroup || !ofType) continue;
    const both = RoaringBitmap32.and(ofGroup, ofType);
    for (const status of ['pending', 'running'] as const) {
      const inStatus = sets.bitmap(block, { status });
      if (inStatus) counts[status] += both.andCardinality(inStatus);
    }
    const dueHere = due.get(block);
    if (dueHere) counts.due += both.andCardinality(dueHere);
    both.dispose();
  }
  return counts;
}

/** The pending jobs that are due, block by block; to be disposed of. */
function* dueBlocks({ sets, due: table }: TallyGround, now: number): Generator<undefined, DueBlocks> {
  while (!table.step()) yield;
  const view = table.view();
  const found = new Map<number, RoaringBitmap32>();
  try {
    for (const block of sets.blocks()) {
      const pending = sets.bitmap(block, { status: 'pending' });
      if (!pending || pending.isEmpty) continue;
      const lows = pending.toUint32Array().filter((low) => view.due(block * blockSize + low) <= now);
      if (lows.length > 0) found.set(block, new RoaringBitmap32(lows));
      yield;
    }
    return found;
  } catch (error) {
    dispose(found);
    throw error;
  } finally {
    view.release();
  }
}

function dispose(blocks: DueBlocks): void {
  for (const bitmap of blocks.values()) bitmap.dispose();
}
