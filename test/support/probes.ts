/** The probes of the manifests in the docs. */
import type t from 'tap';
import { startServer } from './server.js';

type Test = Pick<typeof t, 'equal'>;

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const;

/** What the docs show of a container. */
export type ProbedContainer = Readonly<Record<(typeof probes)[number], Probe>> & {
  readonly ports: readonly { readonly name: string }[];
};

/** Each asks for something that a server answers with 200, at the port that has a name. */
export async function checkProbes(t: Test, container: ProbedContainer): Promise<void> {
  const server = await startServer();
  for (const probe of probes) {
    const { path, port } = container[probe].httpGet;
    t.equal((await fetch(`${server.url}${path}`)).status, 200, probe);
    t.equal(port, container.ports[0]?.name);
  }
  await server.stop();
}
