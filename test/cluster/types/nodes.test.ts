/** Two real nodes with different handlers: each takes jobs of any type, and a type that is new to one is known to both. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../../support/client.js';
import { withoutPostgres } from '../../support/postgres.js';
import { handlersFolder } from '../../support/server.js';
import { asNode, startCluster } from '../support/cluster.js';
import type { ClusterNode } from '../support/nodes.js';

t.setTimeout(120_000);

const mail = `export const options = { max_retries: 7 };
export const payload = { type: 'object', properties: { to: { type: 'string' } }, required: ['to'] };
export default async () => {};
`;

interface TypesBody {
  readonly items: readonly { readonly name: string; readonly handler: object | null; readonly max_retries?: number }[];
}

t.test('any node takes jobs of a type that one of them has', { skip: withoutPostgres }, async (t) => {
  const folders = [handlersFolder({}), handlersFolder({ mail })] as const;
  const { nodes } = await startCluster(t, {
    count: 2,
    settings: ['fsync=off'],
    args: (place) => [...asNode(place), '--handlers', folders[place.index] as string],
  });
  const [first, second] = nodes as [ClusterNode, ClusterNode];
  const typeAt = async ({ api }: ClusterNode, name: string) => {
    let items: TypesBody['items'] | undefined;
    // While an owner is missing it is a 503.
    const shown = async (): Promise<boolean> => {
      const { status, body } = await api.get<TypesBody>('/job-types');
      if (status === 200) items = body.items;
      return items !== undefined;
    };
    await eventually(shown, 'types are shown', 30_000);
    return items?.find((type) => type.name === name);
  };
  await eventually(async () => (await typeAt(first, 'mail')) !== undefined, 'the first knows it', 20_000);
  t.match(await typeAt(first, 'mail'), { max_retries: 7, handler: { concurrency: null } });
  t.match((await first.api.post('/jobs', { name: 'mail', payload: {}, delay: '0s' })).body, {
    errors: [{ path: '/payload/to' }],
  });
  t.match((await first.api.post('/jobs', { name: 'nobody', payload: {}, delay: '0s' })).body, {
    code: 'unknown_job_type',
  });

  // The first has all shards, and no such handler.
  await eventually(
    async () => {
      const { body } = await first.api.get<{ status: string }>('/health');
      return body.status === 'healthy';
    },
    'the first has shards',
    20_000,
  );
  const made = await first.api.post<{ id: string }>('/jobs', { name: 'mail', payload: { to: 'you' }, delay: '0s' });
  t.match(made, { status: 201, body: { max_retries: 7 } }, 'with the defaults of the handler');
  t.match(await second.api.job(made.body.id), { status: 'pending', waiting_for: 'handler' });
  t.match((await first.api.get('/health')).body, { waiting_for_handler: { mail: 1 } });
  t.equal((await first.api.put('/job-types/mail', { concurrency: 1 })).status, 200);
  t.match((await second.api.get('/job-types/mail')).body, { concurrency: 1 });

  writeFileSync(join(folders[0], 'late.mjs'), 'export default async () => {};\n');
  writeFileSync(join(folders[0], 'mail.mjs'), mail);
  first.server.signal('SIGHUP');
  await eventually(async () => (await typeAt(second, 'late')) !== undefined, 'the second hears of it', 20_000);
  await eventually(async () => (await first.api.job(made.body.id)).status === 'success', 'it has its handler', 20_000);

  await second.end();
  await second.start();
  t.match(await typeAt(second, 'late'), { handler: {} }, 'one that starts knows it at once');

  await first.kill();
  await eventually(async () => (await typeAt(second, 'late')) === undefined, 'it is gone with its only node', 30_000);
  t.match(await typeAt(second, 'mail'), { handler: { concurrency: null } });
});
