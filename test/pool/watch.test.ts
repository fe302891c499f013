import t from 'tap';
import { Pulse, review, type Watched, type WatchedThread } from '../../src/pool/watch.js';

const graceMs = 1000;
const nothing = { signal: [], starved: [], stopFor: 0 };

function attempt(slot: number, overdueMs: number, signalledForMs?: number): Watched {
  return { slot, overdueMs, signalledForMs };
}

function thread(running: readonly Watched[], signs: Partial<WatchedThread> = {}): WatchedThread {
  return { silentMs: 10, recoveredForMs: Number.POSITIVE_INFINITY, current: 0, running, ...signs };
}

const held = { silentMs: 400 };

for (const [what, looked, wanted] of [
  ['in time: nothing', thread([attempt(1, -1)]), nothing],
  ['past its timeout: its signal fires', thread([attempt(1, 0), attempt(2, -5)]), { ...nothing, signal: [1] }],
  ['signalled: not again', thread([attempt(1, 50, 50)]), nothing],
  ['signalled, the grace over: stopped', thread([attempt(1, 1500, 1000)]), { ...nothing, stopFor: 1 }],
  [
    'cancelled long before its timeout, the grace over: stopped',
    thread([attempt(1, -9000, 1000)]),
    { ...nothing, stopFor: 1 },
  ],
  ['holds its thread, just late: a moment more', thread([attempt(1, 100)], { ...held, current: 1 }), nothing],
  ['holds its thread, late: stopped', thread([attempt(1, 250)], { ...held, current: 1 }), { ...nothing, stopFor: 1 }],
  ['holds its thread after an await, alone: stopped', thread([attempt(1, 250)], held), { ...nothing, stopFor: 1 }],
  [
    'late among others, who holds the thread is unknown: stopped, perhaps starved',
    thread([attempt(1, 250), attempt(2, -9)], held),
    { signal: [], starved: [1], stopFor: 1 },
  ],
  [
    'late while another holds the thread and is in time: starved, nothing is stopped',
    thread([attempt(1, 9000), attempt(2, -9)], { silentMs: 9000, current: 2 }),
    { ...nothing, starved: [1] },
  ],
  [
    'late while another holds the thread and is late too: stopped for the other',
    thread([attempt(1, 9000), attempt(2, 300)], { silentMs: 9000, current: 2 }),
    { signal: [], starved: [1], stopFor: 2 },
  ],
  [
    'cancelled while another holds the thread: nothing is stopped for its sake',
    thread([attempt(1, -9, 5000), attempt(2, -9)], { silentMs: 5000, current: 2 }),
    nothing,
  ],
  [
    'cancelled and holds the thread: stopped',
    thread([attempt(1, -9, 5000)], { silentMs: 5000, current: 1 }),
    { ...nothing, stopFor: 1 },
  ],
  ['the thread just recovered: a moment to settle', thread([attempt(1, 300)], { recoveredForMs: 20 }), nothing],
  [
    'the same among others: starved',
    thread([attempt(1, 300), attempt(2, -9)], { recoveredForMs: 20 }),
    { ...nothing, starved: [1] },
  ],
  [
    'recovered a while ago: its signal fires',
    thread([attempt(1, 400)], { recoveredForMs: 120 }),
    { ...nothing, signal: [1] },
  ],
] as const) {
  t.same(review(looked, graceMs), wanted, what);
}

t.test('silence counts from the last sign, and the recovery from its end', (t) => {
  const pulse = new Pulse();
  pulse.startCounting(1000);
  t.same(pulse.observe(0, 1100), { silentMs: 100, recoveredForMs: Infinity });
  t.same(pulse.observe(1, 1125), { silentMs: 0, recoveredForMs: Infinity }, 'a pause is no silence');
  t.same(pulse.observe(1, 1400), { silentMs: 275, recoveredForMs: Infinity });
  t.same(pulse.observe(2, 1425), { silentMs: 0, recoveredForMs: 0 });
  t.same(pulse.observe(3, 1450), { silentMs: 0, recoveredForMs: 25 });
  t.end();
});

t.test('a thread without work is not silent', (t) => {
  const pulse = new Pulse();
  pulse.startCounting(1000);
  pulse.startCounting(60_000);
  t.same(pulse.observe(0, 60_010), { silentMs: 10, recoveredForMs: Infinity });
  t.end();
});

t.test('when nothing could be seen for a while, a thread has just recovered', (t) => {
  const pulse = new Pulse();
  pulse.startCounting(1000);
  pulse.reset(6000);
  t.same(pulse.observe(0, 6000), { silentMs: 0, recoveredForMs: 0 });
  t.end();
});
