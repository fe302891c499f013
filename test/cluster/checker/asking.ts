/** Clients of a recorded history that ask for all kinds of things, so that a fault meets servers in all states. */
import type { Client } from '../../support/client.js';
import type { Recorder } from './recorder.js';

const kinds = ['runs', 'waits', 'cancelled', 'updated', 'retried', 'parent', 'keyed', 'asked twice', 'batch'] as const;

/** Three interruptions in a row are a failure, which is charged: the kills of a test may meet one job so often. */
async function wasCutThrice(api: Client, id: string): Promise<boolean> {
  const { body } = await api.get<{ items: { outcome: string; error?: { code: string } }[] }>(`/jobs/${id}/runs`);
  const cut = body.items.filter(({ outcome, error }) => outcome === 'interrupted' || error?.code === 'worker_lost');
  return cut.length >= 3;
}

export class Asking {
  /** Jobs of which more is known than that they must be there. */
  readonly uncharged = new Set<string>();
  readonly waiting = new Set<string>();
  readonly updated = new Set<string>();
  readonly #recorder: Recorder;
  #asked = 0;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /**
   * Asks for one thing more, of a kind that takes turns.
   *
   * @returns the status of the last answer; undefined when there was none
   */
  next(api: Client): Promise<number | undefined> {
    const mine = this.#asked++;
    return this.#ask(api, kinds[mine % kinds.length]!, mine);
  }

  async #ask(api: Client, kind: (typeof kinds)[number], mine: number): Promise<number | undefined> {
    const recorder = this.#recorder;
    const later = { delay: '1h' };
    switch (kind) {
      case 'runs':
        return this.#make(api, recorder.job({}, { delay: '5ms', max_retries: 1 }), this.uncharged);
      case 'waits':
        return this.#make(api, recorder.job({}, later), this.waiting);
      case 'cancelled': {
        const made = await recorder.create(api, recorder.job({}, later));
        if (made?.status === 201) await recorder.cancel(api, made.body.id);
        return made?.status;
      }
      case 'updated': {
        const made = await recorder.create(api, recorder.job({}, later));
        if (made?.status !== 201) return made?.status;
        const changed = await recorder.change(api, made.body.id, { max_retries: 7 });
        if (changed?.status === 200) this.updated.add(made.body.id);
        return made.status;
      }
      case 'retried':
        return this.#make(api, recorder.job({ fails: 1 }, { retry_delay: '30ms' }));
      case 'parent':
        return this.#make(api, recorder.job({ children: 2, ms: mine % 20 }));
      case 'keyed':
        return this.#make(api, recorder.job({}, { key: `key-${mine % 5}` }));
      case 'asked twice': {
        const job = recorder.job({});
        await Promise.all([1, 2].map(() => recorder.create(api, job, `key-${mine}`)));
        return (await recorder.create(api, job, `key-${mine}`))?.status;
      }
      case 'batch':
        return (await recorder.batch(api, [recorder.job({}), recorder.job({}, later), recorder.job({})]))?.status;
      default:
        return kind satisfies never;
    }
  }

  async #make(api: Client, job: Readonly<Record<string, unknown>>, known?: Set<string>): Promise<number | undefined> {
    const made = await this.#recorder.create(api, job);
    if (made?.status === 201) known?.add(made.body.id);
    return made?.status;
  }

  /** What is wrong with those of which more is known, a sentence each. */
  async wrong(api: Client): Promise<string[]> {
    const wrong: string[] = [];
    for (const id of this.uncharged) {
      const { retry_count: charged } = await api.job(id);
      if (charged !== 0 && !(await wasCutThrice(api, id))) wrong.push(`${id} was charged ${charged} retries`);
    }
    for (const id of this.waiting) {
      const { status } = await api.job(id);
      if (status !== 'pending') wrong.push(`${id} is ${status}, and due in an hour`);
    }
    for (const id of this.updated) {
      const { max_retries: retries } = await api.job(id);
      if (retries !== 7) wrong.push(`the update of ${id} is gone`);
    }
    return wrong;
  }
}
