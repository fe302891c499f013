/** The body of `POST /backup`: all that is wrong with it in one answer, and nothing is written then. */
import t from 'tap';
import type { Problem } from '../support/client.js';
import { serve } from './fixture.js';

const written: string[] = [];
const { api } = await serve(
  {},
  {
    backUp: async (directory) => {
      written.push(directory);
      return { bytes: 1, position: 2, durationMs: 3 };
    },
  },
);

t.test('bodies that are refused', async (t) => {
  const noPath = { path: '/directory', message: 'must be an absolute path on the machine of the server' };
  const unknown = {
    path: '/dir',
    message: 'is not a field of this request; did you mean directory? There are directory',
  };
  const cases: [body: unknown, errors: object[]][] = [
    [[], [{ path: '', message: 'must be a JSON object' }]],
    ['null', [{ path: '', message: 'must be a JSON object' }]],
    [{}, [{ path: '/directory', message: 'is required' }]],
    ...[5, null, '', 'here', './here', '/a\0b'].map((directory): [unknown, object[]] => [{ directory }, [noPath]]),
    [{ directory: '/there', dir: 1 }, [unknown]],
    [{ directory: 5, dir: 1 }, [unknown, noPath]],
  ];
  for (const [body, errors] of cases) {
    const { status, body: problem } = await api.post<Problem>('/backup', body);
    t.same([status, problem.code, problem.errors], [400, 'validation_failed', errors], JSON.stringify(body));
  }
  t.same(written, []);
});

t.test('one that is taken', async (t) => {
  const { status, body } = await api.post('/backup', { directory: '/there' });
  t.same([status, body], [200, { directory: '/there', bytes: 1, position: 2, duration_ms: 3 }]);
  t.same(written, ['/there']);
});
