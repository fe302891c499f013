/**
 * One worker thread as the main thread sees it, from its start to its end: a Piscina task without end, a port, shared
 * slots, and the attempts in them. A thread that died is replaced by a new object.
 */

import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { within } from '../within.js';
import type { Dispatched } from './dispatched.js';
import { checkFromThread } from './incoming/from-thread.js';
import type { ReadHandlers } from './incoming/handler-options.js';
import type { HandlerInfo } from './port.js';
import { SentQueue } from './sent-queue.js';
import {
  AttemptBatch,
  type ElsewhereType,
  type FromThread,
  type Report,
  type SignalReason,
  type ThreadStart,
  type ToThread,
} from './shared/messages.js';
import { Slots } from './shared/slots.js';
import { exitOf, type ThreadEnd, ThreadLife, type ThreadState } from './thread-life.js';
import { Pulse } from './watch.js';

export interface ThreadHooks {
  /** It is about to load the module that `module` names. */
  loading(thread: Thread): void;
  /** Makes job types of what it has loaded. */
  read: ReadHandlers;
  ready(thread: Thread, handlers: readonly HandlerInfo[]): void;
  /** It cannot load the handlers and waits to be stopped. */
  unusable(thread: Thread, reason: string): void;
  report(thread: Thread, report: Report): void;
  /** After its last report. Its state is `lingering` if native code still holds it, until that returns. */
  ended(thread: Thread, end: ThreadEnd): void;
}

/** A stopped thread that does not end (it blocks outside of JavaScript) is given up after this. */
const endLimitMs = 1000;
/** A handler called longer ago holds its thread: nothing is sent behind it. */
const blockedAfterMs = 5;

export class Thread {
  /** Resolves once its attempts have outcomes. */
  readonly over: Promise<void>;

  readonly #piscina: Piscina;
  readonly #hooks: ThreadHooks;
  readonly #port: MessagePort;
  readonly #task = new AbortController();
  readonly #slots: Slots;
  readonly #life = new ThreadLife();
  #stopRequested = false;
  #fault: string | undefined;
  /** The module that is being loaded, or was last. */
  #module: string | undefined;
  /** What it had not begun was taken back, and no report has shown since that it gets on. */
  #stalled = false;
  /** Taken back, and not reported as skipped yet. */
  readonly #recalled = new Set<number>();
  /** The lowest number is taken first. */
  readonly #freeSlots: number[];
  readonly #bySlot: (Dispatched | undefined)[];
  readonly #queue = new SentQueue();
  readonly #pulse = new Pulse();
  readonly #batch: AttemptBatch;
  readonly #handlers = new Map<string, number>();
  #threadId = 0;
  #traced = false;
  #onFlushed = (): void => {};
  #inFlight = 0;
  #exitCode: number | undefined;
  #worker: Worker | undefined;
  #gone = Promise.resolve();

  constructor(
    readonly number: number,
    piscina: Piscina,
    /** Attempts that it may hold. */
    readonly slotCount: number,
    load: Omit<ThreadStart, 'port' | 'memory'>,
    hooks: ThreadHooks,
  ) {
    this.#piscina = piscina;
    this.#hooks = hooks;
    this.#slots = new Slots(slotCount);
    this.#bySlot = new Array<Dispatched | undefined>(slotCount + 1).fill(undefined);
    this.#batch = new AttemptBatch(slotCount);
    this.#freeSlots = Array.from({ length: slotCount }, (_, index) => slotCount - index);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', (message: unknown) => this.#receive(message));
    const start: ThreadStart = { port: port2, memory: this.#slots.memory, ...load };
    this.over = piscina.run(start, { transferList: [port2], signal: this.#task.signal }).then(
      () => this.#end({ kind: 'error', message: 'its task came to an end' }),
      (error: unknown) => this.#end(this.#reason(error)),
    );
  }

  get state(): ThreadState {
    return this.#life.state;
  }

  /** True for one that was ready once, whatever it is now. */
  get wasReady(): boolean {
    return this.#life.wasReady;
  }

  /** The module that it loads or loaded last; undefined before the first. */
  get module(): string | undefined {
    return this.#module;
  }

  /** Dispatched to this thread and without an outcome. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Sent and not known to have begun, as of the last `refresh`. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Expected time of those. */
  get queuedMs(): number {
    return this.#queue.expectedMs;
  }

  /** Slots in use. */
  get slotsInUse(): number {
    return this.slotCount - this.#freeSlots.length;
  }

  /** As Node counts threads; 0 before it is ready. */
  get threadId(): number {
    return this.#threadId;
  }

  /** Resolves when the thread itself is gone: after `over` if it lingers. Meaningful from the call of `ended` on. */
  get gone(): Promise<void> {
    return this.#gone;
  }

  /** True if it has a handler of this type. */
  knows(name: string): boolean {
    return this.#handlers.has(name);
  }

  /** Takes an attempt; it leaves with `post`. Needs a free slot and a handler. */
  send(dispatched: Dispatched, expectedMs: number, nowMs: number): void {
    const { request } = dispatched;
    const handler = this.#handlers.get(request.name);
    const slot = this.#freeSlots.pop();
    if (slot === undefined || handler === undefined) throw new Error('sent to a thread that cannot take it');
    if (this.#inFlight === 0) this.#pulse.startCounting(nowMs);
    dispatched.send(slot, expectedMs);
    this.#bySlot[slot] = dispatched;
    this.#inFlight++;
    this.#queue.push(dispatched, nowMs);
    this.#slots.queue(slot);
    this.#batch.add(slot, handler, request);
  }

  post(): void {
    if (!this.#batch.isEmpty) this.#port.postMessage(this.#batch.take());
  }

  /** Its handlers may enqueue jobs of these types as well, which others have handlers for. One that is not ready does not hear it. */
  know(types: readonly ElsewhereType[]): void {
    if (this.state === 'ready') this.#port.postMessage({ kind: 'types', types } satisfies ToThread);
  }

  /** Fires the signal of a running attempt. */
  signal(dispatched: Dispatched, reason: SignalReason, message: string, nowMs: number): void {
    dispatched.signal(reason, nowMs);
    const order: ToThread = { kind: 'signal', slot: dispatched.slot, reason, message };
    this.#port.postMessage(order);
  }

  /** Takes an attempt back; false if it has begun. Its slot stays in use until the thread has reported that it skipped it. */
  recall(dispatched: Dispatched): boolean {
    if (!this.#slots.recall(dispatched.slot)) return false;
    this.#recalled.add(dispatched.slot);
    this.#bySlot[dispatched.slot] = undefined;
    this.#inFlight--;
    dispatched.recall();
    return true;
  }

  /** Takes back all that has not begun, in the order it was sent. */
  recallQueued(): readonly Dispatched[] {
    return this.#queue.clear().filter((each) => this.#owns(each) && this.recall(each));
  }

  /** The same of a blocked thread: until its next report nothing should be sent there. */
  recallUntilReport(): readonly Dispatched[] {
    this.#stalled = true;
    return this.recallQueued();
  }

  /** Takes in the end of the attempt in `slot` and frees the slot; undefined if it had been taken back. */
  release(slot: number): Dispatched | undefined {
    const dispatched = this.#bySlot[slot];
    if (dispatched) {
      this.#bySlot[slot] = undefined;
      this.#inFlight--;
    }
    this.#recalled.delete(slot);
    this.#slots.free(slot);
    this.#freeSlots.push(slot);
    return dispatched;
  }

  /** Brings `queued` and `queuedMs` up to date with what has begun since. */
  refresh(nowMs: number): void {
    this.#queue.refresh((each) => this.#owns(each) && this.#slots.isQueued(each.slot), nowMs);
  }

  /** True while a handler holds the thread, so that what is sent there would wait; `refresh` comes first. */
  isBlocked(nowMs: number): boolean {
    if (this.#stalled || this.#queue.waitedMs(nowMs) > blockedAfterMs) return true;
    const { current } = this.#slots;
    return current !== 0 && nowMs - this.#slots.since(current) > blockedAfterMs;
  }

  /** Attempts dispatched to this thread and without an outcome. */
  attempts(): readonly Dispatched[] {
    return this.#bySlot.filter((each) => each !== undefined);
  }

  /** Those of them whose handler runs. */
  running(): readonly Dispatched[] {
    return this.attempts().filter((each) => this.isRunning(each));
  }

  isRunning({ slot }: Dispatched): boolean {
    return this.#slots.isRunning(slot);
  }

  /** True from the call of the handler on, also after its end. */
  hasBegun({ slot }: Dispatched): boolean {
    return this.#slots.hasBegun(slot);
  }

  /** When its handler was called, in `monotonicMs`; meaningful once it has begun. */
  beganMs({ slot }: Dispatched): number {
    return this.#slots.since(slot);
  }

  /** The slot whose handler is being called synchronously right now, 0 for none. */
  get current(): number {
    return this.#slots.current;
  }

  /** Changes with each sign of life. */
  get beats(): number {
    return this.#slots.beats;
  }

  find(jobSeq: number, fence: number): Dispatched | undefined {
    return this.#bySlot.find((each) => each?.request.jobSeq === jobSeq && each.request.fence === fence);
  }

  at(slot: number): Dispatched | undefined {
    return this.#bySlot[slot];
  }

  /** The main thread could not look for a while: as if a silence of this thread had just ended. */
  resetSilence(nowMs: number): void {
    this.#pulse.reset(nowMs);
  }

  /** Looks for signs of life. */
  observe(nowMs: number): ReturnType<Pulse['observe']> {
    return this.#pulse.observe(this.#slots.beats, nowMs);
  }

  /** Ends the thread; `ended` follows. Piscina puts a fresh one in its place. */
  stop(): void {
    this.expectEnd();
    this.#task.abort();
  }

  /**
   * What it sent cannot be right: it is ended as if it had ended itself.
   *
   * @param fault the predicate of a sentence about the thread
   */
  fail(fault: string): void {
    if (this.#life.isOver) return;
    this.#fault ??= fault;
    this.#life.end();
    this.#task.abort();
  }

  /** True if a report may say this of the slot now: that the attempt in it ended, or that what was recalled was skipped. */
  mayReport(slot: number, skipped: boolean): boolean {
    return skipped ? this.#recalled.has(slot) : this.#bySlot[slot] !== undefined;
  }

  /** Has its SDK send the spans that it has gathered, and waits for that; a thread that is held does not answer. */
  flushTraces(): Promise<void> {
    if (!this.#traced || this.state !== 'ready') return Promise.resolve();
    const flushed = new Promise<void>((resolve) => (this.#onFlushed = resolve));
    this.#port.postMessage({ kind: 'flush' } satisfies ToThread);
    return Promise.race([flushed, this.over]);
  }

  /** Somebody else ends the thread. */
  expectEnd(): void {
    this.#stopRequested = true;
    this.#life.end();
  }

  /** False for an attempt that was taken back, or whose outcome came. */
  #owns(dispatched: Dispatched): boolean {
    return this.#bySlot[dispatched.slot] === dispatched;
  }

  #receive(sent: unknown): void {
    const checked = checkFromThread(sent, this.slotCount);
    if ('fault' in checked) {
      this.fail(checked.fault);
      return;
    }
    const { message } = checked;
    switch (message.kind) {
      case 'loading':
        this.#module = message.file;
        this.#hooks.loading(this);
        return;
      case 'ready':
        this.#loaded(message);
        return;
      case 'unusable':
        this.#hooks.unusable(this, message.reason);
        return;
      case 'report':
        this.#stalled = false;
        this.#hooks.report(this, message);
        return;
      case 'flushed':
        this.#onFlushed();
        return;
      case 'exiting':
        this.#exitCode = message.exitCode;
        return;
      default:
        message satisfies never;
    }
  }

  /** It can run attempts, unless the options of a module are not as they must be, or its end came first. */
  #loaded({ threadId, traced, handlers: declared }: Extract<FromThread, { kind: 'ready' }>): void {
    if (this.#life.state !== 'starting') return;
    const read = this.#hooks.read(declared);
    if ('fault' in read) return this.#hooks.unusable(this, read.fault);
    this.#life.ready();
    this.#threadId = threadId;
    this.#traced = traced;
    this.#worker = this.#piscina.threads.find((worker) => worker.threadId === threadId);
    for (const [index, { name }] of declared.entries()) this.#handlers.set(name, index);
    this.#hooks.ready(this, read.handlers);
  }

  #reason(error: unknown): ThreadEnd {
    if (this.#fault !== undefined) return { kind: 'error', message: `it ${this.#fault}` };
    if (this.#stopRequested) return { kind: 'stopped' };
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ERR_WORKER_OUT_OF_MEMORY' ? { kind: 'memory' } : { kind: 'error', message };
  }

  /** Only when a thread is really gone may its attempts run elsewhere: waits for that, and for its last words. */
  async #end(end: ThreadEnd): Promise<void> {
    this.#life.end();
    if (this.#worker) this.#gone = exitOf(this.#worker);
    const lingers =
      (await within(
        endLimitMs,
        this.#gone.then(() => true),
      )) === undefined;
    for (let last = receiveMessageOnPort(this.#port); last; last = receiveMessageOnPort(this.#port)) {
      this.#receive(last.message);
    }
    this.#port.close();
    this.#life.over(lingers);
    void this.#gone.then(() => this.#life.gone());
    const exited = end.kind === 'error' && this.#exitCode !== undefined;
    this.#hooks.ended(this, exited ? { kind: 'exit', exitCode: this.#exitCode as number } : end);
  }
}
