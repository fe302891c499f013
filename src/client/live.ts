/**
 * One WebSocket for a program that shows what happens: its filter changes as its screens do, figures come when asked for, and when it is
 * lost it connects again by itself.
 */
import { EscapementError } from './errors.js';
import { beginningOf, type EventPlace, placeBehind, placeOf, type Subscribed } from './event-place.js';
import type { EventFilter, Gap, JobEvent } from './event-types.js';
import { webSocket } from './events.js';
import type { Transport } from './transport.js';
import type { Stats } from './types.js';

/** `refused`: another try cannot help; `closed`: by `close()`. */
export type LiveState = 'connecting' | 'open' | 'lost' | 'refused' | 'closed';

export interface LiveOptions {
  readonly onEvent?: (event: JobEvent | Gap) => void;
  readonly onStats?: (stats: Stats) => void;
  /** Called on each change. `error` says why, as far as that is known. */
  readonly onState?: (state: LiveState, error?: EscapementError) => void;
  /** A subscription holds from the event behind this on: a `seq`, or a cursor of a server of several shards. */
  readonly onSubscribed?: (place: EventPlace) => void;
  /** The server did not take a message; the connection lives. */
  readonly onError?: (error: EscapementError) => void;
}

export interface Subscription {
  readonly filter: EventFilter;
  /** The last event that is known: those after it come first. It is a `seq`, or what `onSubscribed` was told. */
  readonly since?: EventPlace | undefined;
  /** After a lost connection what was missed comes first; false: only what is new. */
  readonly resume?: boolean | undefined;
}

type Answer =
  | JobEvent
  | Gap
  | Subscribed
  | { readonly type: 'unsubscribed' }
  | { readonly type: 'stats'; readonly data: Stats }
  | { readonly type: 'error'; readonly code: string; readonly message: string };

const firstWaitMs = 250;
const longestWaitMs = 5000;
/** Without an answer for so long, a connection, or the try to have one, is taken for lost: a cable that was pulled tells nobody. */
const silenceMs = 8000;

/** What was asked of the server, which answers in order. */
type Asked = 'follow' | 'look' | 'nothing';
/** How each event begins, and a gap: what is not wanted any more is not even read. */
const eventForm = /^\{"type":"(?:job\.|gap")/;

export class Live {
  readonly #transport: Transport;
  readonly #options: LiveOptions;
  #socket: WebSocket | undefined;
  #state: LiveState = 'connecting';
  #subscription: Subscription | undefined;
  /** The last event of the subscription that came. */
  #last: EventPlace | undefined;
  #waitMs = firstWaitMs;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Unix milliseconds of the first question that has had no answer. */
  #askedAt: number | undefined;
  /** Has had no answer yet. */
  #asked: Asked[] = [];
  /** What was answered last: events are of that. */
  #answered: Asked = 'nothing';

  constructor(transport: Transport, options: LiveOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#connect();
  }

  get state(): LiveState {
    return this.#state;
  }

  /** From now on these events come, in place of those before, of which none comes any more; undefined: none. */
  subscribe(subscription: Subscription | undefined): void {
    this.#subscription = subscription;
    this.#last = subscription?.since;
    if (this.#state === 'open') this.#tell();
  }

  /**
   * Some of the events after `since`, and then none: as many as the server has at hand when it is asked. For a program that shows what
   * happens where far more happens than can be shown. It ends the subscription. Does nothing while there is no connection.
   */
  look({ filter, since }: { readonly filter: EventFilter; readonly since: EventPlace }): void {
    this.#subscription = undefined;
    if (this.#state !== 'open') return;
    // Sent together they are read together, so little comes in between, however much happens.
    this.#ask('look', { action: 'subscribe', filter, since });
    this.#ask('nothing', { action: 'unsubscribe' });
  }

  /** Asks for the figures, which `onStats` gets. Does nothing while there is no connection. */
  askStats(): void {
    if (this.#state !== 'open') return;
    const now = Date.now();
    if (this.#askedAt !== undefined && now - this.#askedAt > silenceMs) return this.#giveUp(true);
    this.#askedAt ??= now;
    this.#send({ action: 'get_stats' });
  }

  /** Connects now, if the connection is lost, in place of a try that waits or is under way. */
  retry(): void {
    if (this.#state !== 'lost') return;
    this.#leave();
    this.#connect();
  }

  close(): void {
    this.#enter('closed');
    this.#leave();
  }

  /** Has no connection, and none to come. */
  #leave(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  /** Does not wait for the other side to say that it is closed. */
  #giveUp(wasOpen: boolean): void {
    this.#leave();
    void this.#lost(wasOpen);
  }

  #enter(state: LiveState, error?: EscapementError): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#options.onState?.(state, error);
  }

  #connect(): void {
    const socket = webSocket(this.#transport);
    this.#socket = socket;
    this.#askedAt = undefined;
    this.#asked = [];
    this.#answered = 'nothing';
    let wasOpen = false;
    this.#timer = setTimeout(() => this.#giveUp(false), silenceMs);
    socket.onopen = () => {
      if (socket !== this.#socket) return socket.close();
      clearTimeout(this.#timer);
      wasOpen = true;
      this.#waitMs = firstWaitMs;
      this.#enter('open');
      if (this.#subscription) this.#tell();
    };
    socket.onmessage = ({ data }) => {
      const text = String(data);
      if (socket !== this.#socket || (!this.#listens() && eventForm.test(text))) return;
      this.#hear(JSON.parse(text) as Answer);
    };
    // It is closed next.
    socket.onerror = () => {};
    socket.onclose = () => {
      if (socket === this.#socket) this.#giveUp(wasOpen);
    };
  }

  async #lost(wasOpen: boolean): Promise<void> {
    this.#enter('lost');
    // A WebSocket does not say why it was refused; a request does.
    const error = wasOpen ? undefined : await this.#whyNot();
    // Meanwhile it was closed, or told to try again.
    if (this.#state !== 'lost' || this.#socket !== undefined) return;
    if (error && error.status >= 400 && error.status < 500) return this.#enter('refused', error);
    this.#timer = setTimeout(() => this.#connect(), this.#waitMs * (0.5 + Math.random() / 2));
    this.#waitMs = Math.min(this.#waitMs * 2, longestWaitMs);
  }

  async #whyNot(): Promise<EscapementError | undefined> {
    try {
      await this.#transport.patient(0).send('GET', '', { signal: AbortSignal.timeout(silenceMs) });
    } catch (error) {
      if (error instanceof EscapementError) return error;
    }
    return undefined;
  }

  #tell(): void {
    const subscription = this.#subscription;
    if (subscription === undefined) return this.#ask('nothing', { action: 'unsubscribe' });
    const since = this.#last;
    this.#ask('follow', { action: 'subscribe', filter: subscription.filter, ...(since !== undefined && { since }) });
  }

  #ask(what: Asked, message: object): void {
    this.#asked.push(what);
    this.#send(message);
  }

  /** False while what comes is still of a subscription that another has replaced. */
  #listens(): boolean {
    return this.#answered === 'look' || (this.#answered === 'follow' && this.#asked.length === 0);
  }

  #send(message: object): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #hear(message: Answer): void {
    const { onEvent, onStats, onError } = this.#options;
    switch (message.type) {
      case 'stats':
        this.#askedAt = undefined;
        return onStats?.(message.data);
      case 'subscribed':
        this.#answered = this.#asked.shift() ?? 'nothing';
        if (!this.#listens()) return;
        this.#subscribed(placeOf(message));
        return;
      case 'unsubscribed':
        this.#answered = this.#asked.shift() ?? 'nothing';
        return;
      case 'error':
        if (this.#asked.shift() !== undefined) this.#answered = 'nothing';
        return onError?.(new EscapementError(message.code, message.message, 400));
      case 'gap':
        if (this.#subscription?.resume === true) this.#last = placeBehind(this.#last, message);
        return onEvent?.(message);
      default:
        if (this.#subscription?.resume === true && message.seq !== undefined)
          this.#last = placeBehind(this.#last, message);
        onEvent?.(message);
    }
  }

  #subscribed(place: EventPlace): void {
    if (this.#subscription?.resume === true)
      this.#last = this.#last === undefined ? place : this.#last === 0 ? beginningOf(place) : this.#last;
    this.#options.onSubscribed?.(place);
  }
}
