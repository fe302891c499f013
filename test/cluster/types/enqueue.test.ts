/** Two real nodes with different handlers: what runs on one enqueues jobs of types that only the other has. */
import t from 'tap';
import { eventually } from '../../support/client.js';
import { withoutPostgres } from '../../support/postgres.js';
import { handlersFolder } from '../../support/server.js';
import { asNode, startCluster } from '../support/cluster.js';
import { isWell } from '../support/looks.js';
import type { ClusterNode } from '../support/nodes.js';

t.setTimeout(120_000);

const parent = `export const options = { max_retries: 0 };
export default async (payload, ctx) => ctx.enqueue({ name: 'mail', delay: '0s', payload });
`;
const mail = `export const options = { max_retries: 7 };
export const payload = { type: 'object', properties: { to: { type: 'string' } }, required: ['to'] };
export default async () => {};
`;

interface JobBody {
  readonly id: string;
  readonly status: string;
  readonly last_error?: { readonly message: string };
}

t.test('ctx.enqueue takes the types of all nodes', { skip: withoutPostgres }, async (t) => {
  const folders = [handlersFolder({ parent }), handlersFolder({ mail })] as const;
  const { nodes } = await startCluster(t, {
    count: 2,
    settings: ['fsync=off'],
    args: (place) => [
      ...asNode(place),
      '--shards',
      '2',
      '--threads',
      '1',
      '--handlers',
      folders[place.index] as string,
    ],
  });
  const [first, second] = nodes as [ClusterNode, ClusterNode];
  const { api } = first;
  // The first has all shards: it was there before.
  await eventually(() => isWell(first), 'the first has shards', 30_000);
  /** Undefined: an owner is missing just now. */
  const knows = async (): Promise<boolean | undefined> => {
    const { status, body } = await api.get<{ items: { name: string; handler: object | null }[] }>('/job-types');
    return status === 200 ? body.items.some(({ name, handler }) => name === 'mail' && handler !== null) : undefined;
  };
  await eventually(async () => (await knows()) === true, 'the first knows the type', 20_000);
  const ended = async (payload: object): Promise<JobBody> => {
    const { body } = await api.post<JobBody>('/jobs', { name: 'parent', delay: '0s', payload });
    const isOver = async (): Promise<boolean> => ['success', 'failed'].includes((await api.job(body.id)).status);
    await eventually(isOver, 'it has ended', 20_000);
    return (await api.job(body.id)) as JobBody;
  };
  const made = await ended({ to: 'you' });
  t.match(made, { status: 'success' });
  const { items } = (await api.get<{ items: JobBody[] }>('/jobs?name=mail')).body;
  t.equal(items.length, 1);
  t.match(await api.job(items[0]?.id ?? ''), {
    ...{ status: 'pending', parent_id: made.id, max_retries: 7, waiting_for: 'handler' },
    payload: { to: 'you' },
  });
  t.match(await ended({}), { status: 'failed', last_error: { message: /payload/ } }, 'its schema is known as well');

  await second.kill();
  await eventually(async () => (await knows()) === false, 'the type is gone with its only node', 30_000);
  await eventually(() => isWell(first), 'the first has shards still', 30_000);
  t.match(await ended({ to: 'you' }), { status: 'failed', last_error: { message: /mail/ } });
});
