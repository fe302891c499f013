/** The file that docs/cluster.md shows for three nodes on one machine. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { fileIn, root } from '../support/documents.js';

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
