/**
 * The pool: takes attempts, has them run on worker threads, and reports how each ended. Whatever happens to handler or
 * thread, an attempt that was dispatched gets exactly one outcome.
 *
 * The way of an attempt; the states are those of dispatched.ts and, once it is sent, of its slot (shared/slots.ts):
 *
 *    dispatch                                                          pool.ts
 *       │
 *    waiting    for a thread with room, which placement.ts chooses     dispatcher.ts, place.ts
 *       │
 *    sent       in a batch, one message a thread                       thread.ts, shared/messages.ts
 *       │
 *    begun      its handler is called                                  worker/runner.ts, shared/slots.ts
 *       │
 *    settled    its outcome waits for the end of the turn              worker/outbox.ts
 *       │
 *    reported   one message a turn; checked, then a verdict            from-thread.ts, verdict.ts
 *       │
 *    outcome    exactly one, to the owner in batches                   pool.ts
 *
 *    The side ways:
 *    waiting, sent ─► outcome    the deadline of the process passed    shared/deadline.ts, worker/runner.ts
 *    waiting ─► outcome          no thread has a handler of its type   dispatcher.ts
 *                                stuck threads have all its places     stuck.ts
 *    waiting, sent ─► outcome    cancelled: removed, or recalled       dispatcher.ts, thread.ts
 *    sent ─► waiting             recalled: its thread is blocked,      dispatcher.ts, thread.ts
 *                                stopped or lost
 *    begun ─► its signal fires   past its timeout, or cancelled        watchdog.ts, watch.ts
 *          ─► thread stopped     it holds the thread, or outlasts      watchdog.ts, shared/attribution.ts
 *                                the grace after its signal
 *    begun ─► outcome            the thread was stopped or lost (exit, thread.ts, verdict.ts;
 *                                memory, a message that cannot be      threads.ts replaces the thread
 *                                right): a verdict on all that ran
 *                                native code still holds it: stuck,    thread-life.ts, stuck.ts
 *                                its type gets fewer places
 *    settled ─► outcome          the thread was lost before it could   verdict.ts
 *                                report how
 *    sent ─► waiting             the handlers were read anew: it goes  generations.ts
 *                                to a new thread; what has begun ends
 *                                on the old one
 */

import { resolve } from 'node:path';
import { noTelemetry } from '../telemetry/port.js';
import { Dispatched } from './dispatched.js';
import { Dispatcher } from './dispatcher.js';
import { Generations, type LoadedGeneration } from './generations.js';
import type { AbortReason, Attempt, HandlerInfo, Outcome, Pool, PoolOptions } from './port.js';
import { abortMessages } from './shared/abort-messages.js';
import { BlockingTimes } from './shared/blocking-times.js';
import { typeOfModule } from './shared/handlers-folder.js';
import { type LogEntry, namesOf, toEntry } from './shared/log-lines.js';
import { type ElsewhereType, outcomeKind, outcomeRow, type Report } from './shared/messages.js';
import { monotonicMs, slotsPerThread } from './shared/slots.js';
import { type StuckThread, StuckThreads } from './stuck.js';
import type { Thread } from './thread.js';
import type { ThreadEnd } from './thread-life.js';
import {
  interrupted,
  keptLines,
  outcomesOfLoss,
  progressOf,
  settledOutcome,
  unreportedOutcome,
  withJobs,
} from './verdict.js';
import { Watchdog } from './watchdog.js';

export class WorkerPool implements Pool {
  readonly #options: PoolOptions;
  readonly #log: (entry: LogEntry) => void;
  readonly #blocking = new BlockingTimes();
  readonly #generations: Generations;
  readonly #dispatcher: Dispatcher;
  readonly #watchdog: Watchdog;
  readonly #stuck: StuckThreads;
  #outcomes: Outcome[] = [];
  #deliverySoon = false;
  #inFlight = 0;
  /** The owner has seen, or will see when it looks, that nothing more is taken. */
  #full = false;
  #stopping: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#log = options.log ?? (() => {});
    this.#stuck = new StuckThreads(options.threads, this.#log, () => {
      if (!this.#stopping) options.events.room();
    });
    this.#generations = new Generations(
      {
        handlersDir: resolve(options.handlersDir),
        builtIn: options.builtIn,
        jobCheck: options.jobCheck,
        deadline: options.deadline?.memory,
        threads: options.threads,
        threadMemoryMiB: options.threadMemoryMiB,
        attemptsPerThread: options.attemptsPerThread ?? slotsPerThread,
        importLimitMs: options.importLimitMs ?? 10_000,
        log: this.#log,
        telemetry: options.telemetry ?? noTelemetry,
        logLevel: options.logLevel ?? 'debug',
        jobLogLevel: options.jobLogLevel ?? 'silent',
        onReady: () => this.#placeAndDeliver(),
        onReport: (thread, report) => this.#report(thread, report),
        onLingering: (thread) => {
          const stop = this.#watchdog.stopOf(thread);
          const { jobId, name } = stop?.dispatched.request ?? {};
          this.#stuck.add({ thread: thread.number, jobId, name, at: stop?.at }, thread.gone);
          // What waits on other threads is placed anew, under the limit.
          this.#recallFrom(this.#generations.current);
        },
        onEnded: (thread, end, message) => this.#ended(thread, end, message),
      },
      (threads) => this.#recallFrom(threads),
    );
    this.#dispatcher = new Dispatcher({
      size: options.threads,
      ready: () => this.#generations.current,
      blocking: this.#blocking,
      mayBegin: (name) => this.#mayBegin(name),
      onRefused: (dispatched) => this.#conclude(dispatched, interrupted(dispatched, false, 0)),
      onUnknownType: (dispatched) => this.#unknownType(dispatched),
    });
    this.#watchdog = new Watchdog({
      threads: () => this.#generations.ready,
      typeOf: (url) => typeOfModule(resolve(options.handlersDir), url),
      graceMs: options.graceMs,
      heldMs: options.heldMs,
      log: this.#log,
      onStop: (thread) => this.#dispatcher.requeue(thread.recallQueued()),
      onChecked: () => {
        this.#placeAndDeliver();
        if (this.#inFlight === 0) this.#watchdog.disarm();
      },
    });
  }

  /**
   * Starts the threads, each of which loads all handlers.
   *
   * @returns the handlers by name in order
   * @throws an Error that names file and reason if they cannot be loaded; the pool is stopped then
   */
  start(): Promise<readonly HandlerInfo[]> {
    return this.#generations.start();
  }

  /**
   * Reads the handlers folder anew, on threads beside those there are, which go on. Nothing has changed until its `use`: from
   * then on attempts go to the new threads, and an old one ends when its attempts have.
   *
   * @throws an Error that names file and reason if they cannot be loaded; nothing has changed then
   */
  async load(): Promise<LoadedGeneration> {
    const { use, ...loaded } = await this.#generations.load();
    return {
      ...loaded,
      use: () => {
        use();
        this.#placeAndDeliver();
      },
    };
  }

  /** Handlers may enqueue jobs of these types as well, which there are handlers for elsewhere. In place of those that were told before. */
  know(types: readonly ElsewhereType[]): void {
    this.#generations.know(types);
  }

  /** Ends all threads; what had no outcome is interrupted. Safe to call twice, and before `start`. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** After `stop`: no thread is left. False while native code holds one, which is to end with the process then. */
  get hasEnded(): boolean {
    return this.#generations.hasEnded && this.#stuck.all.length === 0;
  }

  /** Threads that there should be. */
  get size(): number {
    return this.#options.threads;
  }

  /** Threads that can run handlers now. */
  get alive(): number {
    return this.#generations.current.length;
  }

  /** Those of them that have attempts. */
  get busy(): number {
    return this.#generations.current.filter(({ slotsInUse }) => slotsInUse > 0).length;
  }

  /** Threads with handlers from before they were read anew, whose attempts have not ended yet. */
  get retired(): number {
    return this.#generations.retired.length;
  }

  /** Attempts dispatched and without an outcome. */
  get inFlight(): number {
    return this.#inFlight;
  }

  placesOf(name: string): number {
    if (this.#options.deadline?.hasPassed()) return 0;
    const ready = this.#generations.current;
    // After a change of the folder new threads may lack a handler: its jobs wait until one has it again.
    if (ready.length > 0 && !ready.some((thread) => thread.knows(name))) return 0;
    return this.#stuck.placesOf(name);
  }

  /**
   * Threads beyond `size` that native code holds after their stop. The limit is by type, once one of it is known: with
   * several such types there may be more of them than `size`.
   */
  get stuck(): readonly StuckThread[] {
    return this.#stuck.all;
  }

  get free(): number {
    const free = this.#options.deadline?.hasPassed() ? 0 : this.#dispatcher.free;
    if (free === 0) this.#full = true;
    return free;
  }

  /** Takes an attempt, also beyond `free`: it waits then. Its outcome comes later, never from within this call. */
  dispatch(attempt: Attempt): void {
    const dispatched = new Dispatched(attempt);
    this.#inFlight++;
    if (this.#stopping) this.#conclude(dispatched, interrupted(dispatched, false, 0));
    else this.#dispatcher.add(dispatched);
  }

  flush(): void {
    this.#dispatcher.place();
    if (this.#dispatcher.free === 0) this.#full = true;
    if (this.#inFlight > 0 && !this.#stopping) this.#watchdog.arm();
  }

  /** The deadline lies ahead again: its owner hears of the room there is. */
  deadlineMoved(): void {
    this.#placeAndDeliver();
  }

  abort(jobSeq: number, fence: number, reason: AbortReason): void {
    const waiting = this.#dispatcher.remove(jobSeq, fence);
    if (waiting) this.#conclude(waiting, interrupted(waiting, false, 0));
    // If it is nowhere, its outcome is under way.
    for (const thread of waiting ? [] : this.#generations.all) {
      const dispatched = thread.find(jobSeq, fence);
      if (dispatched) this.#abortOn(thread, dispatched, reason);
    }
  }

  /** Aborts all that is in flight. */
  abortAll(reason: AbortReason): void {
    for (const dispatched of this.#dispatcher.clear()) this.#conclude(dispatched, interrupted(dispatched, false, 0));
    for (const thread of this.#generations.all) {
      for (const dispatched of thread.attempts()) this.#abortOn(thread, dispatched, reason);
    }
  }

  #abortOn(thread: Thread, dispatched: Dispatched, reason: AbortReason): void {
    if (thread.recall(dispatched)) {
      this.#conclude(dispatched, interrupted(dispatched, false, 0));
    } else if (!dispatched.signalled && thread.state === 'ready') {
      thread.signal(dispatched, reason, abortMessages[reason], monotonicMs());
    }
  }

  async #stop(): Promise<void> {
    await this.#generations.stop();
    for (const dispatched of this.#dispatcher.clear()) this.#conclude(dispatched, interrupted(dispatched, false, 0));
    this.#watchdog.disarm();
    this.#deliver();
  }

  /** Takes in what a thread did. */
  #report(thread: Thread, { numbers, texts, lines, progress, dropped, enqueued }: Report): void {
    const { events } = this.#options;
    for (const line of lines) this.#log(toEntry(line, thread.number));
    const kept = events.lines && keptLines(thread, dropped ? { lines, dropped } : { lines });
    if (kept && kept.length > 0) events.lines?.(kept);
    if (progress !== undefined) events.progress?.(progressOf(thread, progress));
    this.#watchdog.noticeSuspension();
    let nextText = 0;
    const text = (): string => texts[nextText++] as string;
    for (let at = 0; at < numbers.length; at += outcomeRow.numbers) {
      const kind = numbers[at + outcomeRow.kind] as number;
      const durationMs = numbers[at + outcomeRow.durationMs] as number;
      const slot = numbers[at + outcomeRow.slot] as number;
      if (!thread.mayReport(slot, kind === outcomeKind.skipped)) {
        thread.fail('reported an attempt that it did not have');
        break;
      }
      const dispatched = thread.release(slot);
      if (!dispatched) continue;
      this.#blocking.observe(dispatched.request.name, numbers[at + outcomeRow.blockingMs] as number);
      const outcome = settledOutcome(dispatched, kind, durationMs, text);
      this.#conclude(dispatched, enqueued === undefined ? outcome : withJobs(outcome, slot, enqueued));
    }
    this.#generations.reported(thread);
    this.#placeAndDeliver();
  }

  /** What these threads have not begun waits for a thread again. */
  #recallFrom(threads: readonly Thread[]): void {
    for (const thread of threads) this.#dispatcher.requeue(thread.recallQueued());
  }

  /** Finds an end for all that a thread took with it. */
  #ended(thread: Thread, end: ThreadEnd, message: string): void {
    const nowMs = monotonicMs();
    const recalled = thread.recallQueued();
    const left = thread.attempts();
    const running = thread.running();
    const loss =
      this.#watchdog.stopOf(thread)?.loss ??
      (end.kind === 'stopped'
        ? ({ kind: 'shutdown' } as const)
        : ({ kind: 'died', message, ofMemory: end.kind === 'memory' } as const));
    const current = loss.kind === 'overrun' ? loss.current : thread.current;
    const durationMs = (each: Dispatched): number => nowMs - thread.beganMs(each);
    const outcomes = outcomesOfLoss(loss, current, running, durationMs);
    for (const [index, each] of running.entries()) this.#conclude(each, outcomes[index] as Outcome);
    for (const each of left) {
      if (running.includes(each)) continue;
      const outcome = thread.hasBegun(each) ? unreportedOutcome(each, durationMs(each)) : interrupted(each, false, 0);
      this.#conclude(each, outcome);
    }
    for (const each of left) thread.release(each.slot);
    if (end.kind !== 'stopped') {
      const charged = running.filter((_, index) => outcomes[index]?.kind === 'failed');
      const [one] = charged.length === 1 ? charged : [];
      this.#log({
        level: 'error',
        thread: thread.number,
        message: `a worker thread ended: ${message}`,
        ...(one && namesOf(one.request)),
        fields: { running: left.length, sentToOthers: recalled.length },
      });
    }
    this.#dispatcher.requeue(recalled);
    this.#placeAndDeliver();
  }

  /** False once the deadline has passed, and if a type that holds threads in native code has all the places that it may have. */
  #mayBegin(name: string): boolean {
    if (this.#options.deadline?.hasPassed()) return false;
    const places = this.#stuck.placesOf(name);
    if (places === Number.POSITIVE_INFINITY) return true;
    const others = this.#generations.all.flatMap((thread) => thread.attempts());
    return others.filter((each) => each.request.name === name).length < places;
  }

  #unknownType(dispatched: Dispatched): void {
    const { name } = dispatched.request;
    const message = `there is no handler for ${name} any more: the handlers folder has changed. Its jobs wait until a thread has one`;
    this.#log({ level: 'warn', message, ...namesOf(dispatched.request) });
    this.#conclude(dispatched, interrupted(dispatched, false, 0));
  }

  #placeAndDeliver(): void {
    this.#dispatcher.place();
    this.#dispatcher.rebalance();
    this.#deliver();
  }

  /** The outcome of an attempt; nothing refers to the attempt any more. */
  #conclude(dispatched: Dispatched, outcome: Outcome): void {
    dispatched.conclude();
    this.#inFlight--;
    this.#outcomes.push(outcome);
    if (this.#deliverySoon) return;
    this.#deliverySoon = true;
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    this.#deliverySoon = false;
    const outcomes = this.#outcomes;
    if (outcomes.length > 0) {
      this.#outcomes = [];
      this.#full = false;
      this.#options.events.outcomes(outcomes);
    } else if (this.#full && this.#dispatcher.free > 0) {
      this.#full = false;
      this.#options.events.room();
    }
  }
}
