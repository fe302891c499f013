/**
 * Worker side: runs the attempts that arrive. A pass calls the handlers of a batch one after the other; their outcomes
 * leave together when the turn of the event loop ends, after the promises that resolved within it. A handler that may
 * hold the thread for long gets a turn of its own, so that no outcome waits behind it.
 */
import type { ThreadTraces } from '../../telemetry/traces/sdk.js';
import { awaiterName } from '../shared/attribution.js';
import { BlockingTimes } from '../shared/blocking-times.js';
import type { BeginDeadline } from '../shared/deadline.js';
import { attemptRow, type ToThread } from '../shared/messages.js';
import { monotonicMs, type Slots } from '../shared/slots.js';
import { AttemptContext } from './context.js';
import { Enqueueing } from './enqueue.js';
import type { JsonObject } from './handler.js';
import type { LoadedHandler } from './load-handlers.js';
import type { Outbox } from './outbox.js';
import { encodeResult } from './result.js';
import { Snooze } from './snooze.js';
import { describeThrown, type Thrown } from './thrown.js';

type Await = (promise: Promise<unknown>, context: AttemptContext, began: number, blockingMs: number) => Promise<void>;
type Batch = Extract<ToThread, { kind: 'run' }>;

// As they are before any handler is loaded: handlers may replace them.
const { apply } = Reflect;
const { shift } = Array.prototype;
const { parse } = JSON;
const OwnPromise = Promise;
const { resolve } = Promise;
const interval = setInterval;

/** A handler expected to hold the thread longer starts in a turn of its own. */
const ownTurnMs = 0.25;
/** A pass that has taken this long lets the turn end. */
const passMs = 1;
/** How often the thread shows that its event loop turns while attempts await something. */
const beatEveryMs = 25;

export class Runner {
  readonly #slots: Slots;
  readonly #handlers: readonly LoadedHandler[];
  readonly #outbox: Outbox;
  readonly #traces: ThreadTraces | undefined;
  readonly #enqueueing: Enqueueing;
  readonly #deadline: BeginDeadline | undefined;
  readonly #blocking = new BlockingTimes();
  readonly #batches: Batch[] = [];
  /** Attempts of the first batch that were called or skipped. */
  #called = 0;
  /** True while the rest of the batches waits for the end of the turn. */
  #paused = false;
  /** Attempts whose promise has not settled, by slot. */
  readonly #pending = new Map<number, AttemptContext>();
  /** By slot, made when first needed. */
  readonly #awaiters: Await[] = [];
  #beating: NodeJS.Timeout | undefined;

  /**
   * @param traces absent where this thread has no SDK for them
   * @param deadline absent where attempts may begin at any time
   */
  constructor(
    slots: Slots,
    handlers: readonly LoadedHandler[],
    outbox: Outbox,
    traces?: ThreadTraces,
    enqueueing = Enqueueing.none,
    deadline?: BeginDeadline,
  ) {
    this.#deadline = deadline;
    this.#enqueueing = enqueueing;
    this.#slots = slots;
    this.#handlers = handlers;
    this.#outbox = outbox;
    this.#traces = traces;
  }

  receive(message: Exclude<ToThread, { kind: 'flush' }>): void {
    switch (message.kind) {
      case 'run':
        this.#batches[this.#batches.length] = message;
        if (!this.#paused) this.#pass();
        return;
      case 'signal':
        // Absent when its outcome is on the way.
        this.#pending.get(message.slot)?.abort(message.reason, message.message);
        return;
      case 'types':
        this.#enqueueing.know(message.types);
        return;
      default:
        message satisfies never;
    }
  }

  /** To be called at the end of each turn in which something happened. */
  turnEnded(): void {
    this.#outbox.post();
    if (this.#pending.size > 0) this.#beating ??= interval(() => this.#beat(), beatEveryMs);
    if (this.#paused) this.#pass();
  }

  #beat(): void {
    this.#slots.beat();
    if (this.#pending.size > 0) return;
    clearInterval(this.#beating);
    this.#beating = undefined;
  }

  #pass(): void {
    const started = monotonicMs();
    let now = started;
    this.#paused = false;
    for (let batch = this.#batches[0]; batch; batch = this.#batches[0]) {
      const { numbers, texts, traces } = batch;
      for (let at = this.#called; at * attemptRow.numbers < numbers.length; at++) {
        const row = at * attemptRow.numbers;
        const handler = this.#handlers[numbers[row + attemptRow.handler] as number] as LoadedHandler;
        if (now > started && (now - started > passMs || this.#blocking.of(handler.name) > ownTurnMs)) {
          this.#called = at;
          this.#paused = true;
          this.#outbox.closeTurn();
          return;
        }
        const text = at * attemptRow.texts;
        const context = new AttemptContext(
          texts[text + attemptRow.jobId] as string,
          handler.name,
          numbers[row + attemptRow.attempt] as number,
          numbers[row + attemptRow.scheduledFor] as number,
          this.#outbox,
          traces?.[at],
          this.#enqueueing,
          numbers[row + attemptRow.slot] as number,
        );
        now = this.#run(
          numbers[row + attemptRow.slot] as number,
          handler,
          context,
          texts[text + attemptRow.payload] as string,
          now,
        );
      }
      this.#called = 0;
      apply(shift, this.#batches, []);
    }
    this.#outbox.closeTurn();
  }

  /** Calls the handler; returns the time at which it gave control back. */
  #run(slot: number, handler: LoadedHandler, context: AttemptContext, payload: string, began: number): number {
    if (this.#deadline?.hasPassed() && this.#slots.refuse(slot)) {
      this.#outbox.refused(slot);
      return began;
    }
    if (!this.#slots.begin(slot, began)) {
      this.#outbox.skipped(slot);
      return began;
    }
    let returned: unknown;
    let promise: Promise<unknown> | undefined;
    let thrown: unknown;
    let threw = false;
    try {
      returned = this.#call(handler, parse(payload), context);
      // Anything but a primitive may be thenable, and only a promise looks at `then` safely.
      if (returned !== null && (typeof returned === 'object' || typeof returned === 'function')) {
        promise = apply(resolve, OwnPromise, [returned]) as Promise<unknown>;
      }
    } catch (error) {
      threw = true;
      thrown = error;
    }
    let now = 0;
    if (promise) {
      this.#slots.leave();
      now = monotonicMs();
      this.#pending.set(slot, context);
      this.#awaiters[slot] ??= this.#awaiterOf(slot);
      void this.#awaiters[slot](promise, context, began, now - began);
    } else {
      // A look at what was thrown runs the user's code too (getters), so the attempt is left after it.
      if (threw) this.#fail(slot, began, context, thrown);
      else this.#succeed(slot, began, context, returned);
      this.#slots.leave();
      now = monotonicMs();
    }
    this.#blocking.observe(handler.name, now - began);
    return now;
  }

  #call(handler: LoadedHandler, payload: JsonObject, context: AttemptContext): unknown {
    const { trace } = context;
    if (this.#traces === undefined || trace === undefined) return handler.run(payload, context);
    return this.#traces.around(trace, () => handler.run(payload, context));
  }

  /** Waits for a handler's promise. Its name says whose code it is that holds the thread, see `attribution`. */
  #awaiterOf(slot: number): Await {
    const name = awaiterName(slot);
    const named: Record<string, Await> = {
      [name]: async (promise, context, began, blockingMs) => {
        let value: unknown;
        try {
          value = await promise;
        } catch (error) {
          return this.#fail(slot, began, context, error, blockingMs);
        }
        this.#succeed(slot, began, context, value, blockingMs);
      },
    };
    return named[name] as Await;
  }

  /** @param blockingMs the synchronous part, if that is not all of it */
  #succeed(slot: number, began: number, context: AttemptContext, value: unknown, blockingMs?: number): void {
    const result = encodeResult(value);
    const jobs = context.end();
    this.#settle(slot);
    const durationMs = monotonicMs() - began;
    this.#outbox.succeeded(slot, durationMs, blockingMs ?? durationMs, result, jobs);
  }

  #fail(slot: number, began: number, context: AttemptContext, error: unknown, blockingMs?: number): void {
    const waitMs = Snooze.waitOf(error);
    const thrown = waitMs === undefined ? describeThrown(error) : undefined;
    if (thrown) context.writeThrown(thrown.detail);
    context.end();
    this.#settle(slot);
    const durationMs = monotonicMs() - began;
    if (waitMs !== undefined) return this.#outbox.snoozed(slot, durationMs, blockingMs ?? durationMs, waitMs);
    this.#outbox.failed(slot, durationMs, blockingMs ?? durationMs, thrown as Thrown);
  }

  #settle(slot: number): void {
    this.#pending.delete(slot);
    this.#slots.settle(slot);
  }
}
