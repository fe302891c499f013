/** The files that docs/cluster.md shows: for three nodes on one machine, and for Kubernetes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { fileIn, root } from '../support/documents.js';
import { checkProbes } from '../support/probes.js';
import { runCli } from '../support/server.js';

interface Service {
  readonly image?: string;
  readonly restart: string;
  readonly stop_grace_period?: string;
  readonly depends_on?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes: readonly string[];
}

t.test('three nodes differ where they must, and share the rest', async (t) => {
  const { services, volumes } = parse(fileIn('cluster.md', 'compose.yaml'), { merge: true }) as {
    services: Record<string, Service>;
    volumes: Record<string, unknown>;
  };
  const { postgres, ...nodes } = services;
  t.match(postgres?.image, /^postgres:(1[4-9]|[2-9]\d)$/);
  const { POSTGRES_USER: user, POSTGRES_PASSWORD: password, POSTGRES_DB: database } = postgres!.environment;
  t.equal(Object.keys(nodes).length, 3);
  for (const [name, node] of Object.entries(nodes)) {
    t.match(node, { restart: 'always', stop_grace_period: '20s', depends_on: ['postgres'] });
    t.equal(node.environment.ESCAPEMENT_ADVERTISE, `http://${name}:8080`);
    t.equal(node.environment.ESCAPEMENT_STORE, `postgres://${user}:${password}@postgres/${database}`);
    t.ok(node.environment.ESCAPEMENT_TOKEN, 'they listen on all addresses');
    t.same(node.volumes, [`${name}:/data`]);
  }
  t.equal(new Set(Object.values(nodes).flatMap(({ ports }) => ports)).size, 3);
  t.same(Object.keys(volumes).sort(), Object.keys(services).sort());
});

t.test('the file at the top of the repository is the same', async (t) => {
  const [comment = '', ...lines] = readFileSync(join(root, 'compose.yaml'), 'utf8').split('\n');
  t.match(comment, /^# .*docker compose up/);
  t.equal(lines.join('\n'), fileIn('cluster.md', 'compose.yaml'));
});

t.test(
  'the manifest for Kubernetes has nodes that come and go one by one, and asks for paths that there are',
  async (t) => {
    const documents = parseAllDocuments(fileIn('cluster.md', 'escapement-nodes.yaml'));
    t.same(
      documents.flatMap(({ errors }) => errors),
      [],
    );
    const [deployment, budget, service] = documents.map((each) => each.toJS());
    const { metadata } = deployment.spec.template;
    for (const { spec } of [deployment, budget]) t.same(spec.selector.matchLabels, metadata.labels);
    t.same(service.spec.selector, metadata.labels);
    t.match(deployment.spec, { replicas: 3, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
    const settled = 30;
    t.ok(deployment.spec.minReadySeconds > settled, 'the next one goes when this one has shards');
    const { terminationGracePeriodSeconds, containers, volumes } = deployment.spec.template.spec;
    t.equal(terminationGracePeriodSeconds, 20);
    t.ok(volumes[0].emptyDir, 'it is a cache');
    const [container] = containers;
    const { stdout } = await runCli(['start', '--help']);
    const set = container.env.map(({ name }: { name: string }) => name) as string[];
    for (const name of set.filter((name) => name !== 'POD_IP')) t.match(stdout.replaceAll(/\s+/g, ' '), `env: ${name}`);
    t.ok(set.indexOf('POD_IP') < set.indexOf('ESCAPEMENT_ADVERTISE'), 'only what stands before is put in');
    await checkProbes(t, container);
  },
);
