/** Who is declared dead, and who is not though nothing was heard of it. */
import t from 'tap';
import { Members, memberTimes } from '../../../src/cluster/leases/members.js';
import { type NodeRow, type RandomId, UnknownEnd } from '../../../src/store/postgres/database.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function row(node: string, beat: number, details: Partial<NodeRow> = {}): NodeRow {
  return { node, beat, address: '', format: 1, dead: false, leaving: false, facts: '{}', ...details };
}

function begin(nodes: NodeRow[], formerSelf?: RandomId) {
  let now = 1000;
  const lease = { node: 'self' as RandomId | undefined, liveSince: 0 };
  const dead: string[] = [];
  let failure: Error | undefined;
  const members = new Members({
    database: {
      shards: async () => {
        if (failure) throw failure;
        return [];
      },
      nodes: async () => [...nodes],
      declareDead: async (node, seen) => {
        dead.push(`${node} at ${seen}`);
        return true;
      },
    },
    ...{ clock: { now: () => 0, monotonic: () => now }, mark: () => 0, lease, formerSelf },
    seen: () => {},
    declared: () => {},
  });
  const look = async (after: number = memberTimes.lookEvery): Promise<void> => {
    now += after;
    members.tick();
    await turn();
  };
  return {
    ...{ nodes, lease, dead, look, members },
    fail: (error: Error | undefined) => {
      failure = error;
    },
    now: () => now,
    /** So many looks. */
    looks: async (count: number) => {
      for (; count > 0; count--) await look();
    },
  };
}

/** From the first look at a beat to the one that finds it unchanged for long enough. */
const looksUntilDead = memberTimes.deadAfter / memberTimes.lookEvery;

t.test('one whose beat stands still for five seconds is dead, and one that beats is not', async (t) => {
  const side = begin([row('self', 1), row('still', 7), row('beating', 1), row('gone', 3, { dead: true })]);
  await side.look();
  for (let looks = 1; looks < looksUntilDead; looks++) {
    side.nodes[2] = row('beating', 1 + looks);
    await side.look();
  }
  t.same(side.dead, [], 'not before');
  await side.look();
  t.same(side.dead, ['still at 7']);
});

t.test('a beat that has changed at last begins anew', async (t) => {
  const side = begin([row('other', 7)]);
  await side.looks(looksUntilDead);
  side.nodes[0] = row('other', 8);
  await side.looks(looksUntilDead);
  t.same(side.dead, []);
  await side.look();
  t.same(side.dead, ['other at 8']);
});

t.test('the observer counts nothing while it could not see, or not be seen', async (t) => {
  const cases: readonly [what: string, how: (side: ReturnType<typeof begin>) => Promise<void>][] = [
    [
      'its connection broke',
      async (side) => {
        side.fail(new UnknownEnd('the connection broke'));
        await side.look();
        side.fail(undefined);
      },
    ],
    ['it stood still', (side) => side.look(memberTimes.pause + 1)],
    [
      'its own lease had ended',
      async (side) => {
        side.lease.liveSince = side.now();
      },
    ],
  ];
  for (const [what, how] of cases) {
    const side = begin([row('other', 7)]);
    await side.looks(looksUntilDead);
    await how(side);
    await side.looks(looksUntilDead - 1);
    t.same(side.dead, [], what);
    await side.looks(2);
    t.not(side.dead.length, 0, `${what}: in the end it is found all the same`);
  }
});

t.test('a look that is refused on a connection that lives is only one look less', async (t) => {
  const side = begin([row('other', 7)]);
  await side.looks(looksUntilDead - 1);
  side.fail(new Error('not just now'));
  await side.look();
  side.fail(undefined);
  await side.look();
  t.same(side.dead, ['other at 7']);
});

t.test('without a lease it declares nobody dead', async (t) => {
  const side = begin([row('other', 7)]);
  side.lease.liveSince = Number.POSITIVE_INFINITY;
  await side.looks(3 * looksUntilDead);
  t.same(side.dead, []);
});

t.test('what the process was before it started anew is dead at first sight', async (t) => {
  const side = begin([row('former', 7), row('other', 7)], 'former');
  await side.look();
  t.same(side.dead, ['former at 7']);
});
