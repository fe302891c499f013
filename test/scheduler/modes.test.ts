/** The scheduler's modes: which one holds, and what each permits. */
import t from 'tap';
import { type ModeName, Modes, modes } from '../../src/scheduler/modes.js';

interface Told {
  readonly crowded?: boolean;
  readonly recovering?: boolean;
  readonly blocked?: boolean;
  readonly draining?: boolean;
  readonly giving?: boolean;
}

function modeOf({ crowded = false, recovering = false, blocked = false, draining = false, giving }: Told): ModeName {
  const kept = new Modes({ isCrowded: () => crowded, isRecovering: () => recovering, isGiving: () => giving === true });
  if (blocked) kept.writeRefused(0);
  if (draining) kept.drain();
  return kept.current.name;
}

t.test('one mode holds, whatever has come together', async (t) => {
  const cases: [told: Told, expected: ModeName][] = [
    [{}, 'open'],
    [{ recovering: true }, 'recovering'],
    [{ recovering: true, crowded: true }, 'crowded'],
    [{ crowded: true, giving: true }, 'giving'],
    [{ recovering: true, crowded: true, blocked: true, giving: true }, 'blocked'],
    [{ recovering: true, crowded: true, draining: true }, 'draining'],
    [{ recovering: true, crowded: true, blocked: true, draining: true }, 'draining_blocked'],
  ];
  for (const [told, expected] of cases) t.equal(modeOf(told), expected, JSON.stringify(told));
});

t.test('what each mode permits', async (t) => {
  const table = Object.values(modes).map(({ name, refusal, starts, refills, writes, health }) => [
    name,
    refusal?.code ?? 'takes requests',
    starts ? 'starts' : 'starts nothing',
    refills ? 'refills' : 'refills nothing',
    writes,
    health?.status ?? 'healthy',
  ]);
  t.same(table, [
    ['recovering', 'takes requests', 'starts', 'refills', 'at_once', 'healthy'],
    ['open', 'takes requests', 'starts', 'refills', 'at_once', 'healthy'],
    ['crowded', 'takes requests', 'starts nothing', 'refills', 'at_once', 'healthy'],
    ['blocked', 'storage_unavailable', 'starts nothing', 'refills', 'now_and_then', 'degraded'],
    ['giving', 'storage_unavailable', 'starts nothing', 'refills nothing', 'at_once', 'healthy'],
    ['draining', 'draining', 'starts nothing', 'refills nothing', 'at_once', 'draining'],
    ['draining_blocked', 'draining', 'starts nothing', 'refills nothing', 'now_and_then', 'draining'],
    ['without_shards', 'storage_unavailable', 'starts nothing', 'refills', 'at_once', 'healthy'],
  ]);
  for (const [key, { name }] of Object.entries(modes)) t.equal(name, key);
});

t.test('a refused write is news once, and so is the write that succeeds', async (t) => {
  const kept = new Modes({ isCrowded: () => false, isRecovering: () => false });
  t.equal(kept.written(), false);
  t.equal(kept.writeRefused(1000), true);
  t.equal(kept.nextWriteAt, 1250);
  t.equal(kept.writeRefused(1250), false);
  t.equal(kept.nextWriteAt, 1500);
  t.equal(kept.written(), true);
  t.equal(kept.written(), false);
  t.equal(kept.current.name, 'open');
});
