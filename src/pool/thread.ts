/**
 * One worker thread as the main thread sees it, from its start to its end: a Piscina task without end, a port, shared
 * slots, and the attempts in them. A thread that died is replaced by a new object.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import type { Dispatched } from './dispatched.js';
import { checkFromThread } from './from-thread.js';
import type { HandlerInfo } from './messages.js';
import type { Load } from './placement.js';
import { Unbegun } from './sent-queue.js';
import type { Report, SignalReason, ThreadStart, ToThread } from './shared/messages.js';
import { AttemptBatch } from './shared/messages.js';
import { Slots, slotsPerThread } from './shared/slots.js';
import { Pulse } from './watch.js';

/** Why a thread ended: it was told to, or what Piscina and the thread itself said. */
export type ThreadEnd =
  | { readonly kind: 'stopped' | 'memory' }
  | { readonly kind: 'exit'; readonly exitCode: number }
  | { readonly kind: 'error'; readonly message: string };

export interface ThreadHooks {
  /** It is about to load the module that `loading` names. */
  loading(thread: Thread): void;
  ready(thread: Thread, handlers: readonly HandlerInfo[]): void;
  /** It cannot load the handlers and waits to be stopped. */
  unusable(thread: Thread, reason: string): void;
  report(thread: Thread, report: Report): void;
  /** After its last report. `lingering`: native code still holds it, it ends when that returns. */
  ended(thread: Thread, end: ThreadEnd, lingering: Worker | undefined): void;
}

/** A stopped thread that does not end (it blocks outside of JavaScript) is given up after this. */
const endLimitMs = 1000;
/** A handler called longer ago holds its thread: nothing is sent behind it. */
const blockedAfterMs = 5;

export class Thread implements Load {
  phase: 'starting' | 'ready' | 'ending' | 'ended' = 'starting';
  wasReady = false;
  /** What it had not begun was taken back; nothing is sent until it shows that it gets on. */
  stalled = false;
  /** What placement decided: takes attempts; is kept for one that is to run alone; runs that one. */
  accepts = false;
  reserved = false;
  alone = false;
  /** The module that was being loaded last. */
  loading: string | undefined;
  /** Resolves after `ended`. */
  readonly over: Promise<void>;
  readonly slots = new Slots();

  readonly #piscina: Piscina;
  readonly #hooks: ThreadHooks;
  readonly #port: MessagePort;
  readonly #task = new AbortController();
  #told = false;
  #fault: string | undefined;
  /** Taken back, and not passed yet. */
  readonly #recalled = new Set<number>();
  /** The lowest number is taken first. */
  readonly #freeSlots: number[];
  readonly #bySlot = new Array<Dispatched | undefined>(slotsPerThread + 1).fill(undefined);
  readonly #unbegun = new Unbegun();
  readonly #pulse = new Pulse();
  readonly #batch = new AttemptBatch();
  readonly #handlers = new Map<string, number>();
  #threadId = 0;
  #inFlight = 0;
  #exitCode: number | undefined;
  #worker: Worker | undefined;

  constructor(
    readonly number: number,
    piscina: Piscina,
    /** Attempts that it may hold, up to `slotsPerThread`. */
    readonly ceiling: number,
    load: Pick<ThreadStart, 'handlersDir' | 'importLimitMs' | 'log'>,
    hooks: ThreadHooks,
  ) {
    this.#piscina = piscina;
    this.#hooks = hooks;
    this.#freeSlots = Array.from({ length: ceiling }, (_, index) => ceiling - index);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', (message: unknown) => this.#receive(message));
    const start: ThreadStart = { port: port2, memory: this.slots.memory, ...load };
    this.over = piscina.run(start, { transferList: [port2], signal: this.#task.signal }).then(
      () => this.#end({ kind: 'error', message: 'its task came to an end' }),
      (error: unknown) => this.#end(this.#reason(error)),
    );
  }

  /** Dispatched to this thread and without an outcome. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#unbegun.size;
  }

  get queuedMs(): number {
    return this.#unbegun.expectedMs;
  }

  get held(): number {
    return this.ceiling - this.#freeSlots.length;
  }

  /** As Node counts threads; 0 before it is ready. */
  get threadId(): number {
    return this.#threadId;
  }

  /** True if it has a handler of this type. */
  knows(name: string): boolean {
    return this.#handlers.has(name);
  }

  /** Takes an attempt; it leaves with `post`. Needs a free slot and a handler. */
  send(dispatched: Dispatched, expectedMs: number, nowMs: number): void {
    const { attempt } = dispatched;
    const handler = this.#handlers.get(attempt.name);
    const slot = this.#freeSlots.pop();
    if (slot === undefined || handler === undefined) throw new Error('sent to a thread that cannot take it');
    if (this.#inFlight === 0) this.#pulse.startCounting(nowMs);
    dispatched.slot = slot;
    dispatched.expectedMs = expectedMs;
    this.#bySlot[slot] = dispatched;
    this.#inFlight++;
    this.#unbegun.push(dispatched, nowMs);
    this.slots.queue(slot);
    this.#batch.add(slot, handler, attempt.attempt, attempt.scheduledFor, attempt.jobId, attempt.payload);
  }

  post(): void {
    if (!this.#batch.isEmpty) this.#port.postMessage(this.#batch.take());
  }

  /** Fires the signal of a running attempt. */
  signal(dispatched: Dispatched, reason: SignalReason, message: string, nowMs: number): void {
    dispatched.signalled = reason;
    dispatched.signalledMs = nowMs;
    const order: ToThread = { kind: 'signal', slot: dispatched.slot, reason, message };
    this.#port.postMessage(order);
  }

  /** Takes an attempt back; false if it has begun. Its slot stays in use until the thread has passed it. */
  recall(dispatched: Dispatched): boolean {
    if (!this.slots.recall(dispatched.slot)) return false;
    this.#recalled.add(dispatched.slot);
    this.#bySlot[dispatched.slot] = undefined;
    this.#inFlight--;
    dispatched.slot = 0;
    return true;
  }

  /** Takes back all that has not begun, in the order it was sent. */
  recallQueued(): readonly Dispatched[] {
    return this.#unbegun.clear().filter((each) => this.#owns(each) && this.recall(each));
  }

  /** Takes in the end of the attempt in `slot` and frees the slot; undefined if it had been taken back. */
  release(slot: number): Dispatched | undefined {
    const dispatched = this.#bySlot[slot];
    if (dispatched) {
      this.#bySlot[slot] = undefined;
      this.#inFlight--;
    }
    this.#recalled.delete(slot);
    this.slots.free(slot);
    this.#freeSlots.push(slot);
    return dispatched;
  }

  /** Brings `queued` and `queuedMs` up to date with what has begun since. */
  refresh(nowMs: number): void {
    this.#unbegun.refresh((each) => this.#owns(each) && this.slots.isQueued(each.slot), nowMs);
  }

  /** True while a handler holds the thread, so that what is sent there would wait; `refresh` first. */
  isBlocked(nowMs: number): boolean {
    if (this.stalled || this.#unbegun.waitedMs(nowMs) > blockedAfterMs) return true;
    const { current } = this.slots;
    return current !== 0 && nowMs - this.slots.since(current) > blockedAfterMs;
  }

  /** Attempts dispatched to this thread and without an outcome. */
  attempts(): readonly Dispatched[] {
    return this.#bySlot.filter((each) => each !== undefined);
  }

  find(jobSeq: number, lease: number): Dispatched | undefined {
    return this.#bySlot.find((each) => each?.attempt.jobSeq === jobSeq && each.attempt.lease === lease);
  }

  at(slot: number): Dispatched | undefined {
    return this.#bySlot[slot];
  }

  /** Nothing could be seen for a while, through no fault of the thread. */
  forgive(nowMs: number): void {
    this.#pulse.forgive(nowMs);
  }

  /** Looks for signs of life. */
  observe(nowMs: number): ReturnType<Pulse['observe']> {
    return this.#pulse.observe(this.slots.beats, nowMs);
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
  distrust(fault: string): void {
    if (this.phase === 'ended') return;
    this.#fault ??= fault;
    this.accepts = false;
    this.phase = 'ending';
    this.#task.abort();
  }

  /** True if a report may say this of the slot now: that the attempt in it ended, or that what was taken back was passed. */
  mayReport(slot: number, passed: boolean): boolean {
    return passed ? this.#recalled.has(slot) : this.#bySlot[slot] !== undefined;
  }

  /** Somebody else ends the thread. */
  expectEnd(): void {
    this.#told = true;
    this.accepts = false;
    if (this.phase !== 'ended') this.phase = 'ending';
  }

  /** False for an attempt that was taken back, or whose outcome came. */
  #owns(dispatched: Dispatched): boolean {
    return this.#bySlot[dispatched.slot] === dispatched;
  }

  #receive(sent: unknown): void {
    const checked = checkFromThread(sent);
    if ('fault' in checked) {
      this.distrust(checked.fault);
      return;
    }
    const { message } = checked;
    switch (message.kind) {
      case 'loading':
        this.loading = message.file;
        this.#hooks.loading(this);
        return;
      case 'ready':
        if (this.phase !== 'starting') return;
        this.#threadId = message.threadId;
        this.#worker = this.#piscina.threads.find((worker) => worker.threadId === message.threadId);
        this.phase = 'ready';
        this.wasReady = true;
        for (const [index, { name }] of message.handlers.entries()) this.#handlers.set(name, index);
        this.#hooks.ready(this, message.handlers);
        return;
      case 'unusable':
        this.#hooks.unusable(this, message.reason);
        return;
      case 'report':
        this.stalled = false;
        this.#hooks.report(this, message);
        return;
      case 'exiting':
        this.#exitCode = message.exitCode;
        return;
      default:
        message satisfies never;
    }
  }

  #reason(error: unknown): ThreadEnd {
    if (this.#fault !== undefined) return { kind: 'error', message: `it ${this.#fault}` };
    if (this.#told) return { kind: 'stopped' };
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ERR_WORKER_OUT_OF_MEMORY' ? { kind: 'memory' } : { kind: 'error', message };
  }

  /** Only when a thread is really gone may its attempts run elsewhere: waits for that, and for its last words. */
  async #end(end: ThreadEnd): Promise<void> {
    this.accepts = false;
    this.phase = 'ending';
    const lingering = this.#worker !== undefined && !(await hasEnded(this.#worker)) ? this.#worker : undefined;
    for (let last = receiveMessageOnPort(this.#port); last; last = receiveMessageOnPort(this.#port)) {
      this.#receive(last.message);
    }
    this.#port.close();
    this.phase = 'ended';
    const exited = end.kind === 'error' && this.#exitCode !== undefined;
    this.#hooks.ended(this, exited ? { kind: 'exit', exitCode: this.#exitCode as number } : end, lingering);
  }
}

/** Waits for the end of a thread, up to `endLimitMs`. */
function hasEnded(worker: Worker): Promise<boolean> {
  // Node sets it so at the end.
  if (worker.threadId === -1) return Promise.resolve(true);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), endLimitMs);
    worker.once('exit', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
