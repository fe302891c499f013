/**
 * Entry of a worker thread: Piscina runs `serve` once per thread, as a task without end that holds one end of a message
 * port. Throws that belong to no attempt are logged and go no further: they would end the thread and all that runs on it.
 */
import { threadId } from 'node:worker_threads';
import { loadThreadTraces, type ThreadTraces } from '../../telemetry/traces/sdk.js';
import { whoseCode } from '../shared/attribution.js';
import { BeginDeadline } from '../shared/deadline.js';
import type { FromThread, ThreadStart, ToThread } from '../shared/messages.js';
import { monotonicMs, Slots } from '../shared/slots.js';
import { Enqueueing } from './enqueue.js';
import { LineBudget } from './line-budget.js';
import { loadBuiltIn } from './load-built-in.js';
import { loadHandlers } from './load-handlers.js';
import { Outbox } from './outbox.js';
import { captureOutput } from './printed.js';
import { Runner } from './runner.js';
import { describeThrown } from './thrown.js';

/** Never settles: the thread is ended from outside, or ends itself. */
export default async function serve({
  port,
  memory,
  handlersDir,
  builtIn,
  importLimitMs,
  log,
  jobCheck,
  deadline,
}: ThreadStart): Promise<never> {
  const slots = new Slots(memory);
  // Bound before any handler is loaded: what they replace later is not used here.
  const post = port.postMessage.bind(port) as (message: FromThread) => void;
  const outbox: Outbox = new Outbox({ postMessage: post }, slots, new LineBudget(log, monotonicMs()), () =>
    runner ? runner.turnEnded() : outbox.post(),
  );
  let runner: Runner | undefined;

  captureOutput(outbox);
  const late = (what: string) => (error: unknown) =>
    outbox.line({
      level: 'error',
      message: `${what} that no attempt awaits: ${describeThrown(error).message}`,
      fields: JSON.stringify({ error: describeThrown(error).detail }),
    });
  process.on('uncaughtException', late('an error was thrown'));
  process.on('unhandledRejection', late('a promise was rejected'));
  process.on('exit', (exitCode) => {
    // Within the call of `process.exit`, so that whoever called it is on the stack.
    if (slots.current === 0) slots.blame(whoseCode().slot);
    outbox.reportDropped();
    outbox.post();
    post({ kind: 'exiting', exitCode });
  });

  const onLoading = (file: string): void => post({ kind: 'loading', file });
  const loaded = builtIn
    ? { handlers: [await loadBuiltIn(builtIn)] }
    : await loadHandlers(handlersDir, importLimitMs, onLoading);
  if ('reason' in loaded) {
    post({ kind: 'unusable', reason: loaded.reason });
  } else {
    // Asked after their import: a handler may load an SDK of its own.
    const traces = await threadTraces(outbox);
    const running = new Runner(
      slots,
      loaded.handlers,
      outbox,
      traces,
      await Enqueueing.prepare(loaded.handlers, jobCheck),
      deadline && new BeginDeadline(deadline),
    );
    runner = running;
    port.on('message', (message: ToThread) => {
      if (message.kind === 'flush') void traces?.flush().then(() => post({ kind: 'flushed' }));
      else running.receive(message);
    });
    post({
      kind: 'ready',
      threadId,
      traced: traces !== undefined,
      handlers: loaded.handlers.map(({ name, file, options, payload }) => ({ name, file, options, payload })),
    });
  }
  return new Promise<never>(() => {});
}

/** Where this thread has an SDK: handlers run within the traces of their attempts then. */
async function threadTraces(outbox: Outbox): Promise<ThreadTraces | undefined> {
  try {
    return await loadThreadTraces();
  } catch (error) {
    outbox.line({ level: 'warn', message: `handlers run outside of traces: ${describeThrown(error).message}` });
    return undefined;
  }
}
