/**
 * The containers of docs/cluster.md, as processes: each with the command and the variables that the Dockerfile and its file name, where hosts
 * and folders are those of this machine. PostgreSQL comes after them, their probes say so, and they end within the grace.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { eventually } from '../support/client.js';
import { fileIn, root } from '../support/documents.js';
import { lastingPort } from '../support/ports.js';
import { startPostgres, withoutPostgres } from '../support/postgres.js';
import { run, runCli, temporary } from '../support/server.js';

t.setTimeout(240_000);

type Variables = Readonly<Record<string, string>>;

/** Of the image that containers are made of. */
function readImage(): { variables: Variables; command: string[]; check: string[] } {
  const [stage = ''] = readFileSync(join(root, 'Dockerfile'), 'utf8')
    .split(/^FROM /m)
    .slice(-1);
  const list = (before: RegExp): string[] => JSON.parse(before.exec(stage)?.[1] ?? '[]') as string[];
  const set = /^ENV ((?:.*\\\n)*.*)$/m.exec(stage)?.[1] ?? '';
  return {
    variables: Object.fromEntries(
      [...set.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
    ) as Variables,
    command: [...list(/^ENTRYPOINT (\[.*\])$/m), ...list(/^CMD (\[.*\])$/m)],
    check: list(/^HEALTHCHECK .*\\\n\s*CMD (\[.*\])$/m),
  };
}

interface Pod {
  readonly spec: { readonly template: { readonly spec: { readonly terminationGracePeriodSeconds: number } } };
}

interface Probed {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly startupProbe: { readonly httpGet: { readonly path: string } };
  readonly livenessProbe: { readonly httpGet: { readonly path: string } };
  readonly readinessProbe: { readonly httpGet: { readonly path: string } };
}

/** Variables of the nodes of compose.yaml, by name, and how long each may take to end. */
function composed(): Map<string, { variables: Variables; graceSeconds: number }> {
  const { services } = parse(fileIn('cluster.md', 'compose.yaml'), { merge: true }) as {
    services: Record<string, { environment: Variables; stop_grace_period?: string }>;
  };
  const nodes = Object.entries(services).filter(([name]) => name !== 'postgres');
  return new Map(
    nodes.map(([name, { environment, stop_grace_period: grace = '' }]) => [
      name,
      { variables: environment, graceSeconds: Number.parseInt(grace, 10) },
    ]),
  );
}

t.test('the files for containers start nodes that find each other', { skip: withoutPostgres }, async (t) => {
  const image = readImage();
  const [program, size = '', cli, ...args] = image.command;
  t.same([program, cli, args], ['node', 'dist/src/cli.js', ['start']]);
  const [deployment] = parseAllDocuments(fileIn('cluster.md', 'escapement-nodes.yaml')).map((each) => each.toJS()) as [
    Pod & { spec: { template: { spec: { containers: [Probed] } } } },
  ];
  const { containers, terminationGracePeriodSeconds: graceSeconds } = deployment.spec.template.spec;
  const [probed] = containers;
  const all = composed();
  const token = [...all.values()][0]!.variables.ESCAPEMENT_TOKEN!;
  const secrets: Variables = { POD_IP: '127.0.0.1', ESCAPEMENT_STORE: 'postgres://', ESCAPEMENT_TOKEN: token };
  const variables = Object.fromEntries(probed.env.map(({ name, value }) => [name, value ?? secrets[name]!]));
  all.set('pod', { variables, graceSeconds });

  const postgres = await startPostgres(t, ['fsync=off']);
  const store = await postgres.fresh();
  await postgres.stop('fast');
  const first = lastingPort();
  const ports = new Map([...all.keys()].map((name, index) => [name, first + index]));
  const nodes = [...all].map(([name, each]) => {
    const port = ports.get(name)!;
    const folder = temporary(name);
    const here = ([variable, value]: [string, string]): [string, string] => {
      if (variable === 'ESCAPEMENT_PORT') return [variable, String(port)];
      if (value.startsWith('postgres://')) return [variable, store];
      const there = value
        .replace(/^http:\/\/(.+):8080$/, (_, host) => `http://127.0.0.1:${ports.get(host) ?? port}`)
        .replace(/^\/app\//, root)
        .replace(/^\/data/, folder);
      return [variable, there];
    };
    const set = Object.fromEntries(Object.entries({ ...image.variables, ...each.variables }).map(here));
    const child = run(args, { ...set, NODE_OPTIONS: size });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
    const url = `http://127.0.0.1:${port}`;
    const ask = (path: string, body?: object): Promise<Response> =>
      fetch(`${url}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
    /** 0: nobody listens. */
    const status = (path: string): Promise<number> =>
      fetch(`${url}${path}`).then(
        (answer) => answer.status,
        () => 0,
      );
    return { name, url, child, set, ended, ask, status, graceMs: each.graceSeconds * 1000, text: () => text };
  });
  const { startupProbe, livenessProbe, readinessProbe } = probed;
  for (const { name, status, text } of nodes) {
    await eventually(async () => (await status(startupProbe.httpGet.path)) === 200, text, 60_000);
    t.equal(await status(readinessProbe.httpGet.path), 503, `${name} waits for PostgreSQL`);
  }
  await postgres.start();
  for (const { name, status, set, text } of nodes) {
    await eventually(async () => (await status(readinessProbe.httpGet.path)) === 200, text, 60_000);
    t.equal(await status(livenessProbe.httpGet.path), 200, `${name} is ready, and lives`);
    const [, , ...check] = image.check;
    t.equal((await runCli(check, set)).code, 0, 'the check of the image says so, too');
  }
  const [one, two] = nodes as [(typeof nodes)[number], (typeof nodes)[number]];
  const seen = async (): Promise<string[]> => {
    const { nodes: known } = (await (await one.ask('/api/v1/cluster')).json()) as {
      nodes: { state: string; address: string }[];
    };
    return known.filter(({ state }) => state === 'live').map(({ address }) => address);
  };
  await eventually(async () => (await seen()).length === nodes.length, 'all are there', 30_000);
  t.same((await seen()).sort(), nodes.map(({ url }) => url).sort(), 'each where the others reach it');
  const made = await one.ask('/api/v1/jobs', { name: 'payment_check', delay: '1h', payload: { order_id: '1' } });
  t.equal(made.status, 201);
  const { id } = (await made.json()) as { id: string };
  t.equal((await two.ask(`/api/v1/jobs/${id}`)).status, 200, 'what one makes another finds');
  for (const { name, child, ended, graceMs, text } of nodes) {
    child.kill('SIGTERM');
    const killed = setTimeout(() => child.kill('SIGKILL'), graceMs);
    t.equal(await ended, 0, `${name} ends within its grace: ${text().slice(-300)}`);
    clearTimeout(killed);
  }
});
