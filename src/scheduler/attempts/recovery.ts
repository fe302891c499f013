/**
 * What becomes of attempts that ran under the owner before, when its shard is taken up. Those that it has named when it gave the shard away run on
 * where they are, as long as their nodes live. All others are interrupted. Part of the scheduler.
 */
import type { Clock } from '../../clock.js';
import type { Commits, JobsByStatus, RemoteAttempt } from '../../store/port.js';
import type { Overtakes } from '../admission/overtakes.js';
import type { ClockSetBack } from '../clock-set-back.js';
import type { Dispatch } from '../dispatch.js';
import type { Ledger } from '../ledger.js';
import { crashDecision } from '../outcomes.js';
import type { SchedulerStart } from '../scheduler-ports.js';
import type { Whereabouts } from './handing-over.js';

interface RecoveryPorts {
  readonly clock: Clock;
  readonly sets: JobsByStatus;
  readonly store: Pick<Commits, 'position'>;
  readonly whereabouts?: Whereabouts | undefined;
}

interface RecoveryParts {
  readonly ledger: Ledger;
  readonly dispatch: Pick<Dispatch, 'resumed'>;
  readonly overtakes: Pick<Overtakes, 'await'>;
  readonly clockSetBack: Pick<ClockSetBack, 'lookAtFirst'>;
}

/** Whether the last record is one that gave the shard away: then it names every attempt that ran, and whoever wrote it was well. */
export function wasGiven({ handover, position }: Pick<SchedulerStart, 'handover' | 'position'>): boolean {
  return handover !== undefined && handover.position === position;
}

/** See the head of this file. */
export class Recovery {
  readonly #ports: RecoveryPorts;
  readonly #parts: RecoveryParts;
  /** Not looked at yet. */
  #named: readonly RemoteAttempt[];
  readonly #wasGiven: boolean;
  readonly #isPlanned: boolean;
  /** Jobs whose attempts were named, and whose nodes have ended in order. */
  readonly #left = new Set<number>();
  /** The position of the commit that holds what was found. */
  #position = 0;

  constructor(
    ports: RecoveryPorts,
    parts: RecoveryParts,
    start: Pick<SchedulerStart, 'handover' | 'position' | 'planned'>,
  ) {
    this.#ports = ports;
    this.#parts = parts;
    this.#named = start.handover?.attempts ?? [];
    this.#wasGiven = wasGiven(start);
    this.#isPlanned = start.planned ?? false;
  }

  /** Takes them up. Call once, before the first turn, and again for each write of it that is refused. */
  begin(): void {
    for (const attempt of this.#named) this.#resume(attempt);
    this.#named = [];
    const { ledger, clockSetBack } = this.#parts;
    const now = this.#ports.clock.now();
    // Of this process no start is on disk before that.
    for (const seq of this.#ports.sets.each('running')) {
      if (ledger.active.has(seq)) continue;
      // An interruption is of now, and would hide for which slot the clock that was ahead had started it.
      clockSetBack.lookAtFirst(seq, now);
      const job = ledger.unlessUnreadable(seq, () => ledger.lookup(seq));
      if (job?.state.status === 'running')
        ledger.record(job, crashDecision(job, now, this.#isPlanned || this.#left.has(seq)), now);
    }
    this.#position = this.#ports.store.position + (ledger.filling.isEmpty ? 0 : 1);
  }

  /** What was found is on disk. */
  get isDone(): boolean {
    return this.#ports.store.position >= this.#position;
  }

  /** What is not running any more may have ended since, unless the record that names it is the last. */
  #resume(attempt: RemoteAttempt): void {
    const { ledger, dispatch, overtakes } = this.#parts;
    const { seq, fence } = attempt;
    const job = ledger.unlessUnreadable(seq, () => ledger.lookup(seq));
    if (job === undefined || job.state.fence !== fence) return;
    if (job.state.status !== 'running' && !this.#wasGiven) return;
    const how = this.#ports.whereabouts?.resume(attempt) ?? 'dead';
    if (how === 'left') this.#left.add(seq);
    if (how !== 'runs') return;
    ledger.resumeAttempt(job);
    dispatch.resumed(job.spec);
    if (job.state.status === 'running') overtakes.await(job);
  }
}
