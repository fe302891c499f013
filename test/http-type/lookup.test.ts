/** What a socket may connect to is decided by what its name stands for at that moment. */
import type { LookupFunction } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { type Address, Lookups } from '../../src/http-type/lookup.js';

const v4 = (address: string): Address => ({ address, family: 4 });

function ask(lookup: LookupFunction, name: string): Promise<readonly Address[]> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true }, (error, found) => (error ? reject(error) : resolve(found as readonly Address[])));
  });
}

function askOne(lookup: LookupFunction, name: string): Promise<Address> {
  return new Promise((resolve, reject) => {
    lookup(name, {}, (error, address, family) =>
      error ? reject(error) : resolve({ address: address as string, family: family as number }),
    );
  });
}

t.test('a name that stands for a private address is refused, and where it has others these remain', async (t) => {
  const found: Record<string, Address[]> = {
    inside: [v4('10.0.0.1'), { address: '::1', family: 6 }],
    both: [v4('192.168.0.1'), v4('8.8.8.8')],
    none: [],
  };
  const lookups = new Lookups(async (name) => found[name] ?? []);
  await t.rejects(ask(lookups.guarded, 'inside'), { name: 'NotPublic' });
  await t.rejects(askOne(lookups.guarded, 'inside'), { name: 'NotPublic' });
  await t.rejects(ask(lookups.guarded, 'none'), { name: 'NotPublic' });
  t.same(await ask(lookups.guarded, 'both'), [v4('8.8.8.8')]);
  t.same(await askOne(lookups.guarded, 'both'), v4('8.8.8.8'));
  t.same(await ask(lookups.open, 'inside'), found.inside, 'where any address will do, this will');
});

t.test('a name that changes to a private address is refused from then on', async (t) => {
  const answers = [[v4('8.8.8.8')], [v4('127.0.0.1')]];
  const lookups = new Lookups(async () => answers.shift() ?? [], 1);
  t.same(await ask(lookups.guarded, 'rebound'), [v4('8.8.8.8')]);
  await sleep(20);
  await t.rejects(ask(lookups.guarded, 'rebound'), { name: 'NotPublic' });
});

t.test('many at once ask the system once', async (t) => {
  let asked = 0;
  const lookups = new Lookups(async () => {
    asked++;
    await sleep(10);
    return [v4('8.8.8.8')];
  });
  await Promise.all(Array.from({ length: 100 }, () => ask(lookups.guarded, 'popular')));
  t.equal(asked, 1);
});

t.test('an error of the system is told as it is, and asked again', async (t) => {
  let asked = 0;
  const lookups = new Lookups(async () => {
    if (asked++ === 0) throw Object.assign(new Error('not now'), { code: 'EAI_AGAIN' });
    return [v4('8.8.8.8')];
  });
  await t.rejects(ask(lookups.guarded, 'later'), { code: 'EAI_AGAIN' });
  t.same(await ask(lookups.guarded, 'later'), [v4('8.8.8.8')]);
});
