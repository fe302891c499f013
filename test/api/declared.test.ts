/** What is declared of the API: every route the server has, and that the checks of all clients bite. */
import t from 'tap';
import { operations } from '../../src/api/operations.js';
import { serve } from '../server/fixture.js';
import { answerFault, messageFault } from '../support/declared.js';

t.test('every resource that the index links to is declared, and answers as declared', async (t) => {
  const { api } = await serve();
  const { body } = await api.absolute<{ links: Record<string, string> }>('GET', '/api/v1');
  const paths = new Set(Object.values(operations).map(({ path }) => `/api/v1${path}`));
  // Some stand beside the API.
  const documents = ['/ws', '/docs', '/openapi.json', '/asyncapi.json'];
  for (const path of Object.values(body.links).filter((link) => !documents.includes(link)))
    t.ok(paths.has(path) || paths.has(`/api/v1${path}`), path);
});

t.test('what is not as declared is found', async (t) => {
  const { api } = await serve();
  const stats = (await api.get('/stats')).body;
  t.equal(answerFault('GET', '/api/v1/stats', 200, stats), undefined);
  t.match(answerFault('GET', '/api/v1/stats', 200, { ...stats, pending: -1 }), /pending/);
  t.match(answerFault('GET', '/api/v1/stats', 201, stats), /201 is not declared/);
  t.match(answerFault('GET', '/api/v1/stats', 404, {}), /type/);
  const refusal = { type: '', title: '', status: 409, detail: '', code: 'conflict' };
  t.match(answerFault('GET', '/api/v1/stats', 409, refusal), /conflict is not declared/);
  t.equal(answerFault('DELETE', '/api/v1/jobs/job_1704180000_0123abcd', 409, refusal), undefined);
  t.match(answerFault('GET', '/api/v1/jobs?limit=1', 200, { total: 1, items: [{}] }), /items/);
  const started = { type: 'job.started', job_id: 'job_1704180000_0123abcd', job_name: 'a', status: 1 };
  const event = { ...started, timestamp: '2024-01-02T15:30:00+08:00', metadata: { attempt: 1 }, seq: 1 };
  t.equal(messageFault(event), undefined);
  t.match(messageFault({ ...event, metadata: { attempt: 1, more: 2 } }), /more/);
  t.match(messageFault({ type: 'surprise' }), /not declared/);
});
