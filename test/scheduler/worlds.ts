/** What the tests of the scheduler ask a world for, in few words. */
import type { EventType } from '../../src/domain/events.js';
import { formatId } from '../../src/domain/id.js';
import type { Job, JobSpec, JobState } from '../../src/domain/job.js';
import type { Answer, JobDraft, JobPatch, Request } from '../../src/scheduler/messages.js';
import { checkStore } from '../../src/store/check/check.js';
import { DiskFull, type World } from '../support/world.js';

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;

export const after = (delayMs: number): JobDraft['trigger'] => ({ kind: 'delay', delayMs });
export const cron = (expression: string): JobDraft['trigger'] => ({ kind: 'cron', expression });
export const draftOf = (more: Partial<JobDraft> = {}): JobDraft => ({
  name: 'noop',
  trigger: after(0),
  isRepeat: false,
  payload: '{}',
  ...more,
});

/** Makes a job and returns its key. */
export function make(world: World, draft: Partial<JobDraft> = {}): number {
  return (world.create(draft).jobs[0] as Job).spec.seq;
}

/** The committed state of a job. */
export function state(world: World, seq: number): JobState {
  const found = world.memtable.state(seq);
  if (!found) throw new Error(`there is no job ${seq}`);
  return found;
}

export function id(world: World, seq: number): string {
  return formatId(seq, (world.memtable.spec(seq) as JobSpec).idSeconds);
}

export const cancel = (world: World, seq: number): Answer | undefined =>
  world.ask({ kind: 'cancel', id: id(world, seq) });
export const retry = (world: World, seq: number): Answer | undefined =>
  world.ask({ kind: 'retry', id: id(world, seq) });
export const update = (world: World, seq: number, patch: JobPatch): Answer | undefined =>
  world.ask({ kind: 'update', id: id(world, seq), patch });

/** Sends a request without letting anything happen; what is answered appears in the list. */
export function send(world: World, request: Request): Answer[] {
  const answers: Answer[] = [];
  world.scheduler.request(request, 100, (answer) => answers.push(answer));
  return answers;
}

/** The types of all events so far, without `job.`; of one job, if told which. */
export function told(world: World, seq?: number): string[] {
  return world.events
    .filter(({ jobSeq }) => seq === undefined || jobSeq === seq)
    .map(({ body }) => body.type.replace('job.', '')) satisfies string[];
}

export const toldOf = (world: World, type: EventType): number =>
  world.events.filter(({ body }) => body.type === type).length;

export const running = (world: World): number[] => [...world.pool.attempts.keys()];

/** From now on the disk takes nothing, until the returned function is called. */
export function fillDisk(world: World): () => void {
  world.kv.beforeWrite = () => {
    throw new DiskFull('no room');
  };
  return () => {
    world.kv.beforeWrite = () => {};
  };
}

/** What a check of the whole store finds: nothing, where all is well. */
export function faultsOf(world: World): string[] {
  const faults: string[] = [];
  checkStore(world.kv, world.clock.now(), (line) => faults.push(line));
  return faults;
}

/** The ways in which a life goes on. */
export const endings = [
  ['in one life', (world: World): World => world],
  ['over a crash', (world: World): World => world.crash()],
  ['over a stop', (world: World): World => world.restart()],
] as const;
