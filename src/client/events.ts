/** Events as they happen, over a WebSocket where there is one, else over Server-Sent Events by `fetch`; connected again when that ends. */
import { EscapementError } from './errors.js';
import { beginningOf, type EventPlace, placeBehind, placeOf, type Subscribed } from './event-place.js';
import type { EventFilter, EventOf, EventType, Gap, TransientType } from './event-types.js';
import { pause, type Transport } from './transport.js';

type AnyType = EventType | TransientType;
type Message = EventOf<AnyType> | Gap | Subscribed;

const firstWaitMs = 100;
const longestWaitMs = 5000;

export interface EventsOptions {
  /** The last event that is known already, or 0: those after it come first. It is a `seq`, or what `onSubscribed` was told. */
  readonly since?: EventPlace;
  readonly signal?: AbortSignal;
  /**
   * Called each time that it is connected and before the events that come then, with the `seq` of the last event so far, or with a cursor
   * of a server of several shards. What is read from the server after that call and the events together leave nothing out.
   */
  readonly onSubscribed?: (place: EventPlace) => void;
}

/**
 * Connects at the first `next`, and ends with `return` or when `signal` is aborted.
 * @throws EscapementError where another try cannot help: the token or the filter is refused
 */
export async function* events<Type extends AnyType = EventType>(
  transport: Transport,
  filter: EventFilter<string, Type>,
  { since, signal, onSubscribed }: EventsOptions,
): AsyncGenerator<EventOf<Type> | Gap, void, undefined> {
  let last = since;
  for (let waitMs = firstWaitMs; !signal?.aborted; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      const open = typeof WebSocket === 'function' ? overWebSocket : overFetch;
      for await (const message of open(transport, filter, last, signal)) {
        // Much may have come that nobody wants any more, and more comes.
        if (signal?.aborted) return;
        waitMs = firstWaitMs;
        if (message.type === 'subscribed') {
          const place = placeOf(message);
          // 0 stands for the beginning of whatever there is.
          last = last === undefined ? place : last === 0 ? beginningOf(place) : last;
          onSubscribed?.(place);
          continue;
        }
        yield message as EventOf<Type> | Gap;
        // What is not kept has no number, and is no place to resume from.
        if (message.type === 'gap' || 'seq' in message) last = placeBehind(last, message);
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof EscapementError && error.status >= 400 && error.status < 500) throw error;
    }
    await pause(waitMs * (0.5 + Math.random() / 2), signal).catch(() => {});
  }
}

/** Where the server is just now: what happens from here on comes behind it. @throws EscapementError as `events` */
export async function presentPlace(transport: Transport): Promise<EventPlace> {
  const heard = new AbortController();
  let place: EventPlace = 0;
  const onSubscribed = (at: EventPlace): void => {
    place = at;
    heard.abort();
  };
  // No job has this id, so no event comes.
  await events(transport, { job_ids: ['-'] }, { signal: heard.signal, onSubscribed }).next();
  return place;
}

async function* overWebSocket(
  transport: Transport,
  filter: EventFilter<string, AnyType>,
  since: EventPlace | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Message, void, undefined> {
  const socket = webSocket(transport);
  const queue: Message[] = [];
  let wake = (): void => {};
  let state: 'opening' | 'open' | 'over' = 'opening';
  let refusal: EscapementError | undefined;
  const over = (): void => {
    if (state === 'open') state = 'over';
    wake();
  };
  socket.onopen = () => {
    state = 'open';
    socket.send(JSON.stringify({ action: 'subscribe', filter, ...(since !== undefined && { since }) }));
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as Message | { type: 'error'; code: string; message: string };
    if (message.type === 'error') refusal = new EscapementError(message.code, message.message, 400);
    else queue.push(message);
    wake();
  };
  // It is closed next.
  socket.onerror = () => {};
  const closed = new Promise<void>((resolve) => {
    socket.onclose = () => {
      over();
      resolve();
    };
  });
  signal?.addEventListener('abort', over, { once: true });
  let isClosed = false;
  void closed.then(() => {
    isClosed = true;
  });
  try {
    for (;;) {
      // More may come while these are dealt with.
      while (queue.length > 0) yield* queue.splice(0);
      if (refusal) throw refusal;
      if (signal?.aborted) return;
      if (isClosed) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
        void closed.then(resolve);
      });
    }
    // A WebSocket does not say why it was refused; a request does.
    if (state === 'opening') await transport.send('GET', '');
  } finally {
    signal?.removeEventListener('abort', over);
    socket.close();
  }
}

/** A WebSocket to the server, which brings the token as a protocol: browsers set no headers there. */
export function webSocket(transport: Transport): WebSocket {
  const { token } = transport;
  const protocols = ['escapement.v1', ...(token === undefined ? [] : [`bearer.${base64url(token)}`])];
  return new WebSocket(transport.address('/ws').replace(/^http/, 'ws'), protocols);
}

async function* overFetch(
  transport: Transport,
  filter: EventFilter<string, AnyType>,
  since: EventPlace | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Message, void, undefined> {
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(filter) as [string, readonly string[]][])
    if (values.length > 0) query.set(name, values.join());
  if (since !== undefined) query.set('since', String(since));
  const stop = new AbortController();
  const end = (): void => stop.abort(signal?.reason);
  signal?.addEventListener('abort', end, { once: true });
  try {
    const response = await transport.open('GET', `/api/v1/events?${query}`, { signal: stop.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    let text = '';
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      text += decoder.decode(read.value, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() as string;
      for (const block of blocks) {
        const data = block.split('\n').filter((line) => line.startsWith('data:'));
        if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(5)).join('\n')) as Message;
      }
    }
  } finally {
    signal?.removeEventListener('abort', end);
    stop.abort();
  }
}

function base64url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}
