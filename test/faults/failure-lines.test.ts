/** The log says of each failed attempt what follows: a retry, and when, or nothing more. */
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';

t.setTimeout(60_000);

const server = await startServer({ handlers: { boom: "export default () => { throw 'boom'; };" } });
const api = new Client(server);

t.test('a failed attempt that is retried, and one that is final, are told apart in the log', async (t) => {
  const { id } = await api.create({ name: 'boom', delay: '0s', max_retries: 1, retry_delay: '20ms' });
  t.match(await api.until(id, 'failed', 30_000), { last_error: { name: 'Error', message: 'boom' } });
  const lines = () =>
    server
      .output()
      .split('\n')
      .filter((text) => text.includes(id) && text.includes('the attempt failed'));
  while (lines().length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  const [first = '', second = ''] = lines();
  t.match(first, /"attempt":1.*"retryAt":"\d{4}-[^"]+Z".*a retry follows/);
  t.match(second, /"attempt":2.*for good; no retry follows/);
});
