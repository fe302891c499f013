/** The descriptions as the programs read them that people use: Redocly's linter, and openapi-typescript, whose types compile. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { asyncApi } from '../../src/api/description/asyncapi.js';
import { type Described, openApi } from '../../src/api/description/openapi.js';
import { root } from '../support/documents.js';
import { without } from '../support/faults.js';
import { temporary } from '../support/server.js';

t.setTimeout(240_000);

const described: Described = {
  version: '1.0.0',
  base: '/api/v1',
  guarded: true,
  jobTypes: ['daily_report', 'payment_check'],
  payloadSchemas: { payment_check: { type: 'object', properties: { order_id: { type: 'string' } } } },
};

const folder = temporary('descriptions');
const save = (name: string, document: unknown): string => {
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(document));
  return file;
};

/** Neither asks the network whether there is a newer one, nor tells anybody that it ran. */
const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NO_COLOR: '1' };
const run = (command: string, args: readonly string[]): { status: number | null; said: string } => {
  const { status, stdout } = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8' });
  return { status, said: stdout };
};
const there = (command: string, name: string): { skip?: string } =>
  spawnSync('which', [command]).status === 0 ? {} : without(`${command} is not there (npm: ${name})`);

t.test('Redocly finds nothing', there('redocly', '@redocly/cli'), async (t) => {
  const documents = {
    'guarded.json': openApi(described),
    'open.json': openApi({ ...described, guarded: false }),
    'unknown.json': openApi({ ...described, jobTypes: [], payloadSchemas: {} }),
    'asyncapi.json': asyncApi(described),
  };
  for (const [name, document] of Object.entries(documents)) {
    const { status, said } = run('redocly', ['lint', '--format=json', save(name, document)]);
    t.equal(status, 0, `${name}: ${said}`);
    t.match(JSON.parse(said), { totals: { errors: 0, warnings: 0, ignored: 0 } }, name);
  }
});

t.test('what is wrong is found', there('redocly', '@redocly/cli'), async (t) => {
  const text = JSON.stringify(openApi(described)).replace(/"description":"Done",/, '');
  const { status, said } = run('redocly', ['lint', '--format=json', save('wrong.json', JSON.parse(text))]);
  t.equal(status, 1);
  t.match(said, /must be present/);
});

t.test('openapi-typescript makes types that compile', there('openapi-typescript', 'openapi-typescript'), async (t) => {
  const file = join(folder, 'types.ts');
  const made = run('openapi-typescript', [save('openapi.json', openApi(described)), '-o', file]);
  t.equal(made.status, 0, made.said);
  const tsc = join(root, 'node_modules/.bin/tsc');
  t.same(run(tsc, ['--noEmit', '--strict', '--target', 'es2022', '--types', '', file]), { status: 0, said: '' });
});
