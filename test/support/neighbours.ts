/** Jobs that are under way while something goes wrong beside them, and what is to become of them and of the server. */
import type { Test } from 'tap';
import type { Client, Job } from './client.js';

export class Neighbours {
  private constructor(
    private readonly api: Client,
    private readonly ids: readonly string[],
  ) {}

  /** `count` jobs that sleep for `ms` milliseconds, all of them running. */
  static async running(api: Client, count: number, ms: number): Promise<Neighbours> {
    const make = () => api.create({ name: 'sleep', delay: '0s', payload: { ms } });
    const jobs = await Promise.all(Array.from({ length: count }, make));
    const neighbours = new Neighbours(
      api,
      jobs.map(({ id }) => id),
    );
    // Each has begun, or is through already: a busy machine is slow to say so.
    for (const { id } of jobs) await api.until(id, ({ status }) => status !== 'pending', 30_000);
    return neighbours;
  }

  /** They succeed as if nothing had been, and the server and its pool are whole. */
  async unharmed(t: Test): Promise<void> {
    const jobs: Job[] = [];
    for (const id of this.ids) jobs.push(await this.api.until(id, 'success', 60_000));
    const harmed = jobs.filter(({ retry_count: count, last_error: error }) => count !== 0 || error !== undefined);
    t.same(harmed, [], `${jobs.length} jobs beside it succeeded, none was charged`);
    await isWhole(t, this.api);
  }
}

/** As many jobs as keep all threads busy are done, and the server says that it is well. */
export async function isWhole(t: Test, api: Client): Promise<void> {
  const after = await Promise.all(Array.from({ length: 8 }, () => api.create({ name: 'noop', delay: '0s' })));
  for (const { id } of after) await api.until(id, 'success', 60_000);
  t.match(await api.get('/health'), { status: 200, body: { status: 'healthy' } });
}
