/** Tokens as the options name them: several, from a file, for reading; mistakes name no token. */
import { join } from 'node:path';
import t from 'tap';
import { Client } from '../support/client.js';
import { runCli, startServer } from '../support/server.js';

t.setTimeout(60_000);

const folder = t.testdir({
  good: '\nfrom-file-1\r\n\n  from-file-2  \n',
  empty: '\n \n',
  spaces: 'fine\ntwo words\n',
});
const file = (name: string): string => join(folder, name);

t.test('tokens of the command line, of a file and for reading', async (t) => {
  const args = ['--token', 'first', '--token', 'with,comma', '--token-file', file('good'), '--read-token', 'reader'];
  const server = await startServer({ args, env: { ESCAPEMENT_READ_TOKEN: 'not this one' } });
  const accessOf = async (token: string) => {
    const { status, body } = await new Client(server, { authorization: `Bearer ${token}` }).get('');
    return status === 200 ? body.access : status;
  };
  for (const token of ['first', 'with,comma', 'from-file-1', 'from-file-2'])
    t.equal(await accessOf(token), 'full', token);
  t.equal(await accessOf('reader'), 'read');
  for (const token of ['with', 'comma', 'from-file-1,from-file-2', 'not this one'])
    t.equal(await accessOf(token), 401, token);
  t.equal(await server.stop(), 0);
  for (const token of ['first', 'with,comma', 'from-file', 'reader']) t.notOk(server.output().includes(token), token);
});

t.test('by variables; a file alone opens other addresses', async (t) => {
  const env = { ESCAPEMENT_TOKEN_FILE: file('good'), ESCAPEMENT_READ_TOKEN: 'reader' };
  const server = await startServer({ args: ['--host', '0.0.0.0'], env });
  const statusOf = async (token: string) =>
    (await new Client(server, { authorization: `Bearer ${token}` }).get('/jobs')).status;
  t.same([await statusOf('from-file-1'), await statusOf('reader'), await statusOf('wrong')], [200, 200, 401]);
  await server.kill();
});

t.test('mistakes are one line with what to do, and no token', async (t) => {
  const cases: [args: string[], expected: RegExp][] = [
    [['--read-token', 'sesame'], /--read-token needs --token or --token-file/],
    [['--token', 'sesame', '--read-token', 'sesame'], /both by --read-token and by --token/],
    [['--token-file', file('good'), '--read-token', 'from-file-2'], /both by --read-token/],
    [['--token', 'a', '--token', 'two words'], /token must be visible ASCII/],
    [['--token', 'a', '--read-token', 'two words'], /token must be visible ASCII/],
    [['--token', ''], /token must be visible ASCII/],
    [['--token-file', file('nowhere')], /cannot read the file .*nowhere of --token-file: ENOENT/],
    [['--token-file', file('empty')], /empty of --token-file has no token in it: write one a line/],
    [['--token-file', file('spaces')], /line 2 of the file .*spaces of --token-file is no token/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await runCli(['start', ...args]);
    t.same([code, stdout], [2, ''], args.join(' '));
    t.match(stderr, expected);
    t.match(stderr, /^escapement: [^\n]+\n$/, 'one line');
    t.notMatch(stderr.replaceAll(folder, ''), /sesame|two words|from-file/, 'no token');
  }
});
