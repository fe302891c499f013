/** The options of the type `http`: what is wrong with them is said before the server starts, without any secret. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { originOf, readVariable, rulesOf } from '../../src/http-type/settings.js';
import { runCli } from '../support/server.js';

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const folder = t.testdir({});
const file = (text: string): string => {
  const path = join(folder, `${Math.random()}`);
  writeFileSync(path, text);
  return path;
};
const config = { targets: ['https://a.test', '*'], secrets: [secret], secretFile: undefined, variables: [] };

t.test('origins are written as URLs write them', async (t) => {
  const cases: [text: string, origin: string | undefined][] = [
    ['https://api.example.com', 'https://api.example.com'],
    ['HTTPS://API.example.com:443/', 'https://api.example.com'],
    ['http://10.0.0.5:8080', 'http://10.0.0.5:8080'],
    ['http://[::1]:80', 'http://[::1]'],
    ['https://api.example.com/path', undefined],
    ['https://user@api.example.com', undefined],
    ['https://api.example.com?a', undefined],
    ['ws://api.example.com', undefined],
    ['api.example.com', undefined],
    ['', undefined],
  ];
  for (const [text, origin] of cases) t.equal(originOf(text), origin, text);
});

t.test('rules: origins, whether all that are public, and keys in order', async (t) => {
  const other = Buffer.alloc(24, 2).toString('base64');
  t.same(rulesOf({ ...config, secretFile: file(`\n whsec_${other} \n\n`) }), {
    origins: ['https://a.test'],
    anyPublic: true,
    variables: [],
    keys: [secret.slice(6), other],
  });
  t.throws(() => rulesOf({ ...config, secrets: [secret, secret], secretFile: file(secret) }), /there may be 2/);
  t.throws(() => rulesOf({ ...config, secretFile: file('\n') }), /has no secret in it/);
  t.throws(() => rulesOf({ ...config, secretFile: join(folder, 'none') }), /cannot read the file .*none.*ENOENT/);
  t.throws(() => rulesOf({ ...config, secretFile: file(`${secret}\nwhsec_abc`) }), /^line 2 of the file/);
});

t.test('a variable is for one origin, which may be called', async (t) => {
  const environment = { KEY: 'a value', EMPTY: '', BAD: 'a\nb', SPACED: 'a ' };
  const read = (text: string, targets = ['https://a.test']) => readVariable(text, targets, environment);
  t.same(read('KEY=https://a.test/'), { name: 'KEY', origin: 'https://a.test', value: 'a value' });
  t.same(read('KEY=https://b.test', ['*']).origin, 'https://b.test');
  t.throws(() => read('KEY=https://b.test'), /add --http-target https:\/\/b.test/);
  t.throws(() => read('KEY'), /name of a variable and an origin/);
  t.throws(() => read('K-Y=https://a.test'), /name of a variable and an origin/);
  t.throws(() => read('KEY=*'), /name of a variable and an origin/);
  t.throws(() => read('NONE=https://a.test'), /NONE of --http-env is not set/);
  t.throws(() => read('EMPTY=https://a.test'), /not set, or empty/);
  for (const name of ['BAD', 'SPACED']) t.throws(() => read(`${name}=https://a.test`), /visible ASCII/);
});

t.test('wrong options are one line and exit code 2, and no secret is in it', async (t) => {
  const cases: [args: string[], expected: RegExp, env?: Record<string, string>][] = [
    [['--http-target', 'example.com'], /must be an origin such as/],
    [['--http-secret', secret], /need --http-target/],
    [['--http-env', 'A=https://a.test'], /need --http-target/],
    [['--http-target', '*', '--http-secret', 'whsec_c2hvcnQ='], /24 to 64 bytes as base64/],
    [['--http-target', '*', '--http-secret', secret.slice(6)], /whsec_/],
    [['--http-target', '*', '--http-secret-file', '/nowhere'], /cannot read the file/],
    [['--http-target', '*', '--http-env', 'A=https://a.test'], /A of --http-env is not set/],
    [[], /24 to 64 bytes/, { ESCAPEMENT_HTTP_TARGET: '*', ESCAPEMENT_HTTP_SECRET: 'whsec_nonsense' }],
  ];
  for (const [args, expected, env] of cases) {
    const { code, output } = await runCli(['start', '--port', '0', '--data-dir', join(folder, 'data'), ...args], env);
    t.equal(code, 2, output);
    t.match(output, expected);
    t.equal(output.trim().split('\n').length, 1, output);
    t.notMatch(output, /nonsense|c2hvcnQ|AQEBAQ/, 'no secret');
  }
});
