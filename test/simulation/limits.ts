/** What clients have set of job types, and whether starts keep to it: limits, rates, and the turns of types and groups. */
import { parseRate, type Rate } from '../../src/domain/control/rate.js';
import { miss } from '../../src/domain/decisions.js';
import { isHeld, type Job } from '../../src/domain/job.js';
import type { Attempt } from '../../src/pool/port.js';
import type { World } from '../support/world.js';
import type { SimulatedBulks } from './bulks.js';
import { must } from './event-replay.js';
import type { Random } from './random.js';

/** What clients may ask for. */
const concurrencies = [null, null, 1, 2];
const groupConcurrencies = [null, 1, 1, 2];
const rates = [null, '1/500ms', '3/1s', '5/10s', '200/1s'];

/** What a client asks to be set. */
export interface AskedLimits {
  readonly concurrency: number | null;
  readonly groupConcurrency: number | null;
  readonly rate: Rate | null;
}

export const noLimits: AskedLimits = { concurrency: null, groupConcurrency: null, rate: null };

export function anyLimits(random: Random): AskedLimits {
  const text = random.pick(rates);
  const rate = text === null ? null : (parseRate(text) as Rate);
  return { concurrency: random.pick(concurrencies), groupConcurrency: random.pick(groupConcurrencies), rate };
}

/** The limits of a type as clients know them. */
export class PromisedLimits {
  #asked = 0;
  #acknowledged: { readonly asked: number; readonly limits: AskedLimits } | undefined;

  /** Something else is asked for. Returns what is to be called when that is acknowledged. */
  asked(limits: AskedLimits): () => void {
    const asked = ++this.#asked;
    return () => {
      this.#acknowledged = { asked, limits };
    };
  }

  /** What was acknowledged, and nothing else was asked for since. */
  get known(): AskedLimits {
    return this.#acknowledged?.asked === this.#asked ? this.#acknowledged.limits : noLimits;
  }
}

/** A start, and who waited beside it. */
interface Start {
  readonly world: World;
  readonly name: string;
  readonly group: string | undefined;
  readonly priority: number;
  readonly waiting: ReadonlyMap<number, Job>;
}

/** Stands at the pool and looks at every start. */
export class LimitsWatch {
  readonly #promised: ReadonlyMap<string, PromisedLimits>;
  readonly #bulks: SimulatedBulks;
  /** Whether a window holds all that is due, so that all of it is known at once. */
  readonly #seesAll: boolean;
  /** By attempt in the pool. */
  readonly #groups = new Map<string, string | undefined>();
  /** By type: when attempts have started since its rate was acknowledged, in monotonic milliseconds. */
  readonly #starts = new Map<string, { readonly rate: Rate; readonly at: number[] }>();
  #last: Start | undefined;
  readonly #lastOfType = new Map<string, Start>();

  constructor(promised: ReadonlyMap<string, PromisedLimits>, bulks: SimulatedBulks, seesAll: boolean) {
    this.#promised = promised;
    this.#bulks = bulks;
    this.#seesAll = seesAll;
  }

  /** @param isSuspect it may be what ended the process: suspects have an order of their own */
  started(world: World, attempt: Attempt, job: Job, isSuspect: boolean): void {
    this.#groups.set(keyOf(attempt), job.spec.group);
    this.#checkLimits(world, attempt, job.spec.group);
    this.#checkRate(world, attempt);
    if (this.#seesAll) this.#checkTurns(world, job, isSuspect);
  }

  #checkLimits({ pool }: World, { jobSeq, name }: Attempt, group: string | undefined): void {
    const { concurrency, groupConcurrency } = this.#promised.get(name)?.known ?? noLimits;
    const ofType = [...pool.attempts.values()].filter((other) => other.name === name);
    if (concurrency !== null)
      must(
        ofType.length <= concurrency,
        () => `${ofType.length} attempts of ${name}, which is limited to ${concurrency}`,
      );
    if (groupConcurrency === null) return;
    const ofGroup = ofType.filter((other) => this.#groups.get(keyOf(other)) === group).length;
    must(
      ofGroup <= groupConcurrency,
      () => `with job ${jobSeq} ${ofGroup} attempts of group ${group}, and ${groupConcurrency} may be`,
    );
  }

  #checkRate({ clock }: World, { jobSeq, name }: Attempt): void {
    const rate = this.#promised.get(name)?.known.rate ?? null;
    if (rate === null) return void this.#starts.delete(name);
    let starts = this.#starts.get(name);
    if (starts?.rate !== rate) this.#starts.set(name, (starts = { rate, at: [] }));
    const now = clock.monotonic();
    starts.at.push(now);
    const before = starts.at.at(-1 - rate.starts);
    must(
      before === undefined || now - before >= rate.spanMs,
      () => `job ${jobSeq} is start ${rate.starts + 1} of ${name} in ${now - (before ?? 0)} ms, against ${rate.text}`,
    );
  }

  /** No type, and no group of a type, waits while another one starts twice in a row. */
  #checkTurns(world: World, job: Job, isSuspect: boolean): void {
    const { name, group, priority = 0 } = job.spec;
    // One whose start is being written has had its turn, and comes to the pool later.
    if (isSuspect || hasSuspectUnderWay(world)) {
      this.#last = undefined;
      this.#lastOfType.clear();
      return;
    }
    const start: Start = { world, name, group, priority, waiting: waitingBeside(world, priority, this.#bulks) };
    const passedOver = (last: Start | undefined, isOther: (job: Job) => boolean): Job | undefined =>
      last?.world === world && last.priority === priority
        ? [...last.waiting.values()].find(
            (other) => isOther(other) && start.waiting.get(other.spec.seq)?.state.updatedAt === other.state.updatedAt,
          )
        : undefined;
    if (this.#last?.name === name) {
      // A type with places of its own takes no turns with others.
      const { apart } = world.pool;
      const other = apart.includes(name)
        ? undefined
        : passedOver(this.#last, ({ spec }) => spec.name !== name && !apart.includes(spec.name));
      must(
        other === undefined,
        () => `type ${name} starts twice while job ${other?.spec.seq} of ${other?.spec.name} waits`,
      );
    }
    const lastOfType = this.#lastOfType.get(name);
    if (lastOfType?.group === group) {
      const other = passedOver(lastOfType, ({ spec }) => spec.name === name && spec.group !== group);
      must(
        other === undefined,
        () => `group ${group} of ${name} starts twice while job ${other?.spec.seq} of group ${other?.spec.group} waits`,
      );
    }
    this.#last = start;
    this.#lastOfType.set(name, start);
  }
}

const keyOf = ({ jobSeq, fence }: Attempt): string => `${jobSeq}/${fence}`;

/** The start of a suspect is decided and not on record. */
function hasSuspectUnderWay({ born, sets, scheduler }: World): boolean {
  if (born.clean) return false;
  for (const seq of sets.each('pending'))
    if (seq < born.firstNewSeq && scheduler.state(seq)?.status === 'running') return true;
  return false;
}

/** Jobs of a priority that could start but for their turn. */
function waitingBeside(world: World, priority: number, bulks: SimulatedBulks): ReadonlyMap<number, Job> {
  const { born, sets, memtable, scheduler, clock } = world;
  const waiting = new Map<number, Job>();
  for (const seq of sets.each('pending')) {
    if (!born.clean && seq < born.firstNewSeq) continue;
    const job = memtable.job(seq);
    if (!job || (job.spec.priority ?? 0) !== priority || job.state.due > clock.now() || isHeld(job.state)) continue;
    if (job.spec.key !== undefined || job.spec.name === 'killer') continue;
    // Nobody has looked yet: its occurrence was missed, and it starts by another one if at all.
    if (miss(job, clock.now()) !== undefined) continue;
    const now = scheduler.state(seq);
    if (bulks.mayChange(seq)) continue;
    if (now?.status !== 'pending' || now.updatedAt !== job.state.updatedAt || now.due !== job.state.due) continue;
    const wait = scheduler.waitingFor(job);
    if (wait === undefined || wait === 'thread') waiting.set(seq, job);
  }
  return waiting;
}
