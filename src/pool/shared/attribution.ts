/**
 * Whose code is running. When V8 describes a stack it goes on, behind the frames of the code that runs, with the async
 * functions that wait for it (https://v8.dev/blog/fast-async, "improved developer experience"), at no cost until it is
 * asked. Each attempt is awaited by a function that is named after its slot, so that the attempt whose continuation is
 * running can be read off the stack: by the thread itself, and by the main thread through V8's inspector even while a
 * loop holds the thread.
 *
 * Code that a timer or an emitter calls, and the `then` of what an async handler returns, has nobody who waits for it:
 * then only the file says where it comes from.
 */
import type { Session } from 'node:inspector';

/** What the function that awaits the attempt in `slot` is called. */
export function awaiterName(slot: number): string {
  return `the attempt in slot ${slot}`;
}

const awaiter = /^the attempt in slot (\d+)$/;

export interface Running {
  /** Of the attempt that waits for the code that runs; 0 if none does. */
  readonly slot: number;
  /** File and line of that code; undefined when none runs but Node's own. */
  readonly at?: string | undefined;
  /** URL of the file whose code was called first, when no attempt waits for it. */
  readonly from?: string | undefined;
}

const unknown: Running = { slot: 0 };

/** What the calling thread is doing. */
export function whoseCode(): Running {
  try {
    return read(framesOnStack());
  } catch {
    // Handlers may have put anything in the place of `Error`.
    return unknown;
  }
}

/** An answer is there in milliseconds, unless native code holds the thread; that could not be stopped either. */
const answerMs = 2000;
/** Between two promises that resolve there is nobody's code on the stack: ask again. */
const questions = 5;

/** What another thread of this process is doing, also while it does nothing else. Never throws. */
export async function whoseCodeOn(threadId: number): Promise<Running> {
  let session: Session | undefined;
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<Running>((resolve) => {
    timer = setTimeout(() => resolve(unknown), answerMs);
  });
  try {
    // Absent in some builds of Node, and needed by hardly any process.
    const inspector = await import('node:inspector');
    session = new inspector.Session();
    session.connect();
    return await Promise.race([ask(session, threadId), tooLong]);
  } catch {
    return unknown;
  } finally {
    clearTimeout(timer);
    session?.disconnect();
  }
}

/** The protocol is that of Chrome's developer tools; `NodeWorker` hands its messages on to the threads. No port is opened. */
async function ask(session: Session, threadId: number): Promise<Running> {
  const expression = `JSON.stringify((${framesOnStack})())`;
  const sessionId = await new Promise<string>((resolve) => {
    session.on('NodeWorker.attachedToWorker', ({ params }) => {
      const { title } = params.workerInfo;
      if (title === `[worker ${threadId}]` || title.startsWith(`[worker ${threadId}] `)) resolve(params.sessionId);
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  });
  for (let id = 1; id <= questions; id++) {
    const answer = new Promise<string>((resolve) => {
      session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
        if (params.sessionId === sessionId) resolve(params.message);
      });
    });
    const message = JSON.stringify({ id, method: 'Runtime.evaluate', params: { expression } });
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
    const { result } = JSON.parse(await answer) as { result?: { result?: { value?: string } } };
    const running = read(JSON.parse(result?.result?.value ?? '[]') as Frame[]);
    if (running.slot !== 0 || running.at !== undefined) return running;
  }
  return unknown;
}

type Frame = [name: string | null, file: string | null, line: number | null];

function read(frames: readonly Frame[]): Running {
  const slots = frames.map(([name]) => Number(awaiter.exec(name ?? '')?.[1] ?? 0));
  const isUsers = ([, where]: Frame): boolean => where?.startsWith('file:') === true && where !== import.meta.url;
  const [, file, line] = frames.find(isUsers) ?? [];
  const [, from] = frames.findLast(isUsers) ?? [];
  return {
    slot: slots.find((slot) => slot !== 0) ?? 0,
    at: file ? `${file}:${line}` : undefined,
    from: from ?? undefined,
  };
}

/** Its text also runs on other threads: it refers to nothing around it, and leaves nothing behind. */
function framesOnStack(): Frame[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = Number.POSITIVE_INFINITY;
    Error.prepareStackTrace = (_error, sites) =>
      sites.map((site) => [site.getFunctionName(), site.getScriptNameOrSourceURL(), site.getLineNumber()]);
    return new Error().stack as unknown as Frame[];
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}
