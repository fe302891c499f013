import { MessageChannel } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { BeginDeadline } from '../../../src/pool/shared/deadline.js';
import { shareOfLog } from '../../../src/pool/shared/log-lines.js';
import { AttemptBatch, outcomeKind, outcomeRow, type Report } from '../../../src/pool/shared/messages.js';
import { Slots } from '../../../src/pool/shared/slots.js';
import type { Handler } from '../../../src/pool/worker/handler.js';
import { LineBudget } from '../../../src/pool/worker/line-budget.js';
import { Outbox } from '../../../src/pool/worker/outbox.js';
import { Runner } from '../../../src/pool/worker/runner.js';

/** The worker's side, here on the main thread. Each report is kept as the slots and kinds of its rows. */
function worker(t: Test, ...handlers: Handler[]) {
  return workerUntil(t, undefined, ...handlers);
}

/** The same with a deadline. */
function workerUntil(t: Test, deadline: BeginDeadline | undefined, ...handlers: Handler[]) {
  const { port1, port2 } = new MessageChannel();
  const slots = new Slots();
  const reports: (readonly [slot: number, kind: number])[][] = [];
  const outbox: Outbox = new Outbox(port2, slots, new LineBudget(shareOfLog('debug', 1), 0), () => runner.turnEnded());
  const runner: Runner = new Runner(
    slots,
    handlers.map((run, index) => ({
      run,
      name: `${index}`,
      file: `${index}.js`,
      options: undefined,
    })),
    outbox,
    undefined,
    undefined,
    deadline,
  );
  let wake = (): void => {};
  port1.on('message', ({ numbers }: Report) => {
    const rows: (readonly [number, number])[] = [];
    for (let at = 0; at < numbers.length; at += outcomeRow.numbers)
      rows.push([numbers[at + outcomeRow.slot] as number, numbers[at + outcomeRow.kind] as number]);
    reports.push(rows);
    wake();
  });
  t.teardown(() => port1.close());
  return {
    slots,
    reports,
    /** Hands over a batch with one attempt per entry, for the handler of that index; slots from 1. */
    receive(...indexes: number[]): void {
      const batch = new AttemptBatch();
      indexes.forEach((handler, index) => {
        slots.queue(index + 1);
        batch.add(index + 1, handler, { attempt: 1, scheduledFor: 0, jobId: 'job', payload: '{}' });
      });
      runner.receive(batch.take());
    },
    async reported(rows: number): Promise<void> {
      while (reports.flat().length < rows) await new Promise<void>((resolve) => (wake = resolve));
    },
    async nextReport(): Promise<void> {
      const before = reports.length;
      while (reports.length === before) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

const quick: Handler = () => {};
const quickAsync: Handler = async () => {
  await null;
};

/** Lets the average of the first handler settle. */
async function train(side: ReturnType<typeof worker>): Promise<void> {
  for (let round = 0; round < 60; round++) {
    side.receive(0);
    await side.nextReport();
  }
  side.reports.length = 0;
}

t.test('what ends within one turn leaves in one report, promises too', async (t) => {
  const side = worker(t, quickAsync);
  await train(side);
  side.receive(0, 0, 0, 0);
  await side.reported(4);
  t.same(side.reports, [[1, 2, 3, 4].map((slot) => [slot, outcomeKind.succeeded])]);
});

t.test('a report follows each batch, though nothing has ended', async (t) => {
  let end = (): void => {};
  const side = worker(t, () => new Promise<void>((resolve) => (end = resolve)));
  side.receive(0);
  await side.nextReport();
  t.same(side.reports, [[]]);
  t.ok(side.slots.isRunning(1));
  end();
  await side.nextReport();
  t.same(side.reports, [[], [[1, outcomeKind.succeeded]]]);
});

t.test('one that was taken back is passed', async (t) => {
  const side = worker(t, quick);
  await train(side);
  const receive = side.slots.queue.bind(side.slots);
  side.slots.queue = (slot) => {
    receive(slot);
    if (slot === 2) side.slots.recall(slot);
  };
  side.receive(0, 0, 0);
  await side.reported(3);
  t.same(side.reports.flat(), [
    [1, outcomeKind.succeeded],
    [2, outcomeKind.skipped],
    [3, outcomeKind.succeeded],
  ]);
});

t.test('a handler that may hold the thread starts after what has ended was reported', async (t) => {
  const reportedBefore: number[] = [];
  const side = worker(t, quickAsync, () => {
    reportedBefore.push(side.slots.beats);
  });
  await train(side);
  const before = side.slots.beats;
  side.receive(0, 0, 1, 0);
  await side.reported(4);
  // On a busy machine a turn may end between any two.
  const reports = side.reports.map((rows) => rows.map(([slot]) => slot as number));
  t.same(reports.flat(), [1, 2, 3, 4]);
  t.notOk(
    reports.some((slots) => slots.includes(2) && slots.includes(3)),
    'what had ended was reported before it',
  );
  t.ok((reportedBefore[0] as number) > before);
});

t.test('a long pass lets the turn end now and then', async (t) => {
  const side = worker(t, () => {
    const until = performance.now() + 0.15;
    while (performance.now() < until);
  });
  await train(side);
  side.receive(...new Array<number>(60).fill(0));
  await side.reported(60);
  t.ok(side.reports.length >= 4, `${side.reports.length} reports for some 9 ms of work`);
});

t.test('the deadline is compared before each attempt of a batch', async (t) => {
  const deadline = new BeginDeadline();
  deadline.set(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  let calls = 0;
  const side = workerUntil(t, deadline, () => {
    if (++calls !== 2) return;
    // As if the lease had ended while it held the thread, and the main thread had taken the last one back.
    deadline.end();
    side.slots.recall(4);
  });
  side.receive(0, 0, 0, 0);
  await side.reported(4);
  t.equal(calls, 2, 'nothing is called after it');
  const kinds = new Map(side.reports.flat());
  t.same(
    [1, 2, 3, 4].map((slot) => kinds.get(slot)),
    [outcomeKind.succeeded, outcomeKind.succeeded, outcomeKind.refused, outcomeKind.skipped],
  );
  t.notOk(side.slots.hasBegun(3), 'what was refused has not begun');
  t.notOk(side.slots.recall(3), 'and is not taken back as well');
});
