/** PostgreSQL restarts while clients ask: nothing that was acknowledged is lost. */
import t from 'tap';
import { withoutPostgres } from '../support/postgres.js';
import { Recorder } from './checker/recorder.js';
import { Clients } from './support/clients.js';
import { allWork, nothingIsLost, startFailover } from './support/failover.js';

t.setTimeout(290_000);

t.test('PostgreSQL restarts: nothing is lost', { skip: withoutPostgres }, async (t) => {
  const recorder = new Recorder();
  const { nodes, primary } = await startFailover(t, { recorder, synchronous: false });
  for (const node of nodes) await recorder.watch(node);
  const clients = new Clients({ nodes, recorder });
  for (const how of ['fast', 'immediate'] as const) {
    await clients.progress();
    await primary.stop(how);
    await primary.start();
  }
  await clients.progress();
  await allWork(nodes);
  await nothingIsLost(t, { nodes, recorder, clients });
  for (const { server } of nodes) t.notMatch(server.output(), /rewound/, 'nothing is taken for lost');
});
