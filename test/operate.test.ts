/** The files in docs/operate.md are what those who read them take them for. Proxies serve in test/conformance/proxies. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { document, fileIn, programs, replaced, root } from './support/documents.js';
import { checkProbes } from './support/probes.js';
import { runCli, startServer, temporary } from './support/server.js';

const cli = join(root, 'dist/src/cli.js');

function run(command: string, args: string[], env: NodeJS.ProcessEnv = process.env) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env });
  return { status, output: `${stdout}${stderr}` };
}

t.test(
  'systemd understands its units and finds the service well confined',
  programs({ 'systemd-analyze': 'systemd' }),
  async (t) => {
    const folder = temporary('units');
    const units = ['escapement.service', 'escapement-backup.service', 'escapement-backup.timer'];
    const installed = '/opt/escapement/node_modules/.bin/escapement';
    for (const unit of units) {
      const text = fileIn('operate.md', unit);
      // It looks whether there is such a program.
      writeFileSync(join(folder, unit), text.includes(installed) ? replaced(text, { [installed]: '/bin/true' }) : text);
    }
    const verified = run('systemd-analyze', ['verify', '--man=no', ...units.map((unit) => join(folder, unit))]);
    t.same(verified, { status: 0, output: '' });
    // Of 100; without any confinement it would be 96.
    const args = ['security', '--no-pager', '--offline=yes', '--threshold=35', join(folder, units[0] as string)];
    const confined = run('systemd-analyze', args);
    t.equal(confined.status, 0, confined.output.split('\n').at(-2) ?? '');
  },
);

t.test('the settings of the units are options of the program, and leave it the time that it needs', async (t) => {
  const { stdout } = await runCli(['start', '--help']);
  const names = (text: string) => [...new Set(text.match(/ESCAPEMENT_[A-Z_]+/g))];
  const known = new Set([...names(stdout), 'ESCAPEMENT_URL']);
  for (const name of names(document('operate.md'))) t.ok(known.has(name), name);
  const graceAndMore = 20;
  t.match(fileIn('operate.md', 'escapement.service'), `TimeoutStopSec=${graceAndMore}\n`);
  t.match(document('operate.md'), `--stop-timeout ${graceAndMore}`);
});

t.test('the manifest for Kubernetes runs one process, and asks for paths that there are', async (t) => {
  const documents = parseAllDocuments(fileIn('operate.md', 'escapement.yaml'));
  t.same(
    documents.flatMap(({ errors }) => errors),
    [],
  );
  const [claim, deployment, service] = documents.map((each) => each.toJS());
  t.match(claim, { kind: 'PersistentVolumeClaim', spec: { accessModes: ['ReadWriteOnce'] } });
  t.match(service, { kind: 'Service', spec: { selector: { app: 'escapement' } } });
  const { replicas, strategy, template } = deployment.spec;
  t.same([replicas, strategy], [1, { type: 'Recreate' }]);
  t.equal(template.spec.terminationGracePeriodSeconds, 20);
  const [container] = template.spec.containers;
  await checkProbes(t, container);
});

t.test('the script makes a backup, checks it, and keeps the last ones', async (t) => {
  const server = await startServer({ args: ['--token', 'secret'] });
  const folder = temporary('script');
  const backups = join(folder, 'backups');
  const program = join(folder, 'escapement');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`, { mode: 0o755 });
  const script = join(folder, 'backup.sh');
  const text = fileIn('operate.md', 'backup.sh');
  const places = { '/opt/escapement/node_modules/.bin/escapement': program, '/var/lib/escapement/backups': backups };
  writeFileSync(script, replaced(text, places));
  const older = ['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04', '2026-01-05', '2026-01-06', '2026-01-07'];
  for (const day of older) mkdirSync(join(backups, `${day}T03-15-00Z`), { recursive: true });
  mkdirSync(join(backups, 'by-hand'));
  const made = await inBackground(script, { ESCAPEMENT_URL: server.url, ESCAPEMENT_TOKEN: 'secret' });
  t.equal(made.status, 0, made.output);
  const kept = readdirSync(backups).sort();
  const [newest = ''] = kept.filter((name) => !/^2026-01|by-hand/.test(name));
  t.match(newest, /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/);
  t.same(kept, [...older.slice(1).map((day) => `${day}T03-15-00Z`), newest, 'by-hand'].sort());
  t.ok(readdirSync(join(backups, newest)).includes('data.mdb'));
  await server.stop();
  const refused = await inBackground(script, { ESCAPEMENT_URL: server.url });
  t.not(refused.status, 0, 'without a server it fails');
  t.same(readdirSync(backups).sort(), kept, 'and takes nothing away');
});

/** Runs a script while this process goes on. */
async function inBackground(script: string, env: Record<string, string>) {
  const child = spawn('/bin/sh', [script], { env: { ...process.env, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const status = await new Promise<number | null>((done) => child.once('close', done));
  return { status, output };
}

t.test('every alert has its place, and every place that is named is there', async (t) => {
  const text = document('operate.md');
  const { groups } = parse(document('alerts.yml')) as { groups: { rules: { alert: string }[] }[] };
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
  const table = text.slice(text.indexOf('## What to do when'), text.indexOf('### It does not start'));
  t.same([...new Set(table.match(/Escapement[A-Za-z]+/g))].sort(), alerts.sort());
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
  for (const [, anchor = ''] of text.matchAll(/\]\(#([^)]+)\)/g)) t.ok(anchors.includes(anchor), anchor);
});
