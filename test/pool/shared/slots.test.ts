import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { monotonicMs, Slots, slotsPerThread } from '../../../src/pool/shared/slots.js';

t.test('an attempt is either begun or taken back', (t) => {
  const main = new Slots();
  const worker = new Slots(main.memory);
  main.queue(1);
  t.ok(main.isQueued(1));
  t.ok(worker.begin(1, 1234.5));
  t.notOk(main.recall(1));
  t.equal(main.since(1), 1234.5);
  t.equal(main.current, 1);
  worker.leave();
  t.equal(main.current, 0);
  t.ok(main.isRunning(1) && main.hasBegun(1));
  worker.settle(1);
  t.ok(!main.isRunning(1) && main.hasBegun(1));
  main.free(1);
  t.ok(!main.hasBegun(1) && !main.isQueued(1));

  main.queue(slotsPerThread);
  t.ok(main.recall(slotsPerThread));
  t.notOk(worker.begin(slotsPerThread, 1));
  t.notOk(main.hasBegun(slotsPerThread));
  t.end();
});

t.test('two threads contend for each slot, one gets it', async (t) => {
  const slots = new Slots();
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     import(workerData.module).then(({ Slots, monotonicMs }) => {
       const slots = new Slots(workerData.memory);
       parentPort.on('message', () => {
         let begun = 0;
         for (let slot = 1; slot <= ${slotsPerThread}; slot++) if (slots.begin(slot, 0)) begun++;
         slots.beat();
         parentPort.postMessage({ begun, now: monotonicMs() });
       });
       parentPort.postMessage('ready');
     });`,
    {
      eval: true,
      workerData: { module: new URL('../../../src/pool/shared/slots.js', import.meta.url).href, memory: slots.memory },
    },
  );
  t.teardown(() => worker.terminate());
  await once(worker, 'message');
  let begunInAll = 0;
  // However late a message comes: the other clock stands between these two.
  let [aheadMs, behindMs] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let round = 1; round <= 200; round++) {
    for (let slot = 1; slot <= slotsPerThread; slot++) slots.queue(slot);
    const before = monotonicMs();
    worker.postMessage(0);
    const { beats } = slots;
    let recalled = 0;
    // From the far end, as soon as the other is at work.
    while (slots.current === 0 && slots.beats === beats && !slots.hasBegun(1));
    for (let slot = slotsPerThread; slot > 0; slot--) if (slots.recall(slot)) recalled++;
    const [{ begun, now }] = (await once(worker, 'message')) as [{ begun: number; now: number }];
    if (begun + recalled !== slotsPerThread) t.fail(`${begun} begun, ${recalled} recalled`);
    aheadMs = Math.max(aheadMs, now - monotonicMs());
    behindMs = Math.max(behindMs, before - now);
    begunInAll += begun;
    for (let slot = 1; slot <= slotsPerThread; slot++) slots.free(slot);
  }
  t.ok(Math.max(aheadMs, behindMs) < 1, `the clocks of two threads agree: ${aheadMs}, ${behindMs} ms`);
  t.ok(begunInAll > 0, `${begunInAll} of ${200 * slotsPerThread} begun`);
});
