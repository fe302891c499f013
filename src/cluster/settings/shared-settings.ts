/**
 * What users have set, for all nodes of a cluster: limits of job types, pauses of types and of the server. It is in the database. Each node
 * looks at it four times a second, has its shards go by it, and then says in its row how far it has come. A change is answered when all
 * nodes that live have said so: from then on nothing starts that it forbids, wherever it is asked.
 *
 * What is known to hold, and why:
 * - A node that is not among the living when the change is made joins later. It opens shards only after it has read what was set by then.
 * - A node that lives and does not go by it, since it is cut off or stands still, is waited for until it is declared dead: by then its lease
 *   has ended.
 * - A change is made behind the change that it was decided on, or is decided again. One whose end is unknown is sent again as it was.
 */
import type { Clock } from '../../clock.js';
import { noSettings, type Settings } from '../../domain/control/settings.js';
import { Refusal } from '../../domain/errors.js';
import type { Answer } from '../../scheduler/messages.js';
import { type ServerRequest, serverAfter, type TypeRequest, typeAfter } from '../../scheduler/requests/settings.js';
import type { Database, NodeRow, RandomId, SettingRow, StoredSettings } from '../../store/postgres/database.js';
import { UnknownEnd } from '../../store/postgres/database.js';
import { type AppliedSettings, readFacts } from '../leases/facts.js';
import { readSettings, serverRow, typeRow } from './setting-rows.js';

/** See the head of this file; milliseconds. */
const settingsTimes = {
  lookEvery: 250,
  /** A change that could not be made by then is refused. */
  madeWithin: 5_000,
  /** So long its answer waits for nodes that live. One that is dead is declared so before. */
  appliedWithin: 10_000,
  /** Between two tries, and between two looks at the nodes. */
  pause: 50,
} as const;

export type SettingsRequest = TypeRequest | ServerRequest;

export interface SharedSettingsPorts {
  readonly database: Pick<Database, 'settings' | 'changeSettings' | 'nodes'>;
  readonly clock: Clock;
  readonly pause: (ms: number) => Promise<void>;
  readonly randomId: () => RandomId;
  /** This is set from now on. Resolves when nothing begins here any more that it forbids. */
  readonly changed: (settings: Settings) => Promise<void>;
  /** The others are to hear soon how far this node has come. */
  readonly tell: () => void;
}

/** See the head of this file. */
export class SharedSettings {
  readonly #ports: SharedSettingsPorts;
  #stored: StoredSettings | undefined;
  #applied: AppliedSettings | undefined;
  #current = noSettings;
  #nextAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  /** The one behind that. */
  #next: Promise<void> | undefined;

  constructor(ports: SharedSettingsPorts) {
    this.#ports = ports;
  }

  /** As this node has read it last. */
  get current(): Settings {
    return this.#current;
  }

  /** The last change that all here goes by, for its row; undefined before the first reading. */
  get applied(): AppliedSettings | undefined {
    return this.#applied;
  }

  /** Looks whether something has changed, if it is time to. */
  tick(): void {
    const now = this.#ports.clock.monotonic();
    if (now < this.#nextAt || this.#reading !== undefined || this.#next !== undefined) return;
    this.#nextAt = now + settingsTimes.lookEvery;
    this.renew().catch(() => {});
  }

  /** Resolves when this node goes by all that was set before the call. Rejects when the database did not answer. */
  renew(): Promise<void> {
    if (this.#reading === undefined && this.#next === undefined) return this.#begin();
    this.#next ??= Promise.resolve(this.#reading)
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#begin();
      });
    return this.#next;
  }

  /** Makes a change. Resolves when it holds on all nodes that live, or with the reason why it does not. */
  async change(request: SettingsRequest): Promise<Answer> {
    try {
      const made = await this.#make(request);
      await this.#untilApplied(made);
      return { ok: true, jobs: [], replayed: false };
    } catch (error) {
      if (error instanceof Refusal) return { ok: false, refusal: error };
      throw error;
    }
  }

  #begin(): Promise<void> {
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { database, changed, tell } = this.#ports;
    const stored = await database.settings(this.#stored?.id);
    if (stored === undefined) return;
    this.#current = readSettings(stored.rows);
    this.#stored = stored;
    changed(this.#current).then(() => {
      if (this.#stored !== stored) return;
      this.#applied = { version: stored.version, id: stored.id };
      tell();
    });
  }

  /** It is written also where nothing changes: what was sent before, and may be carried out yet, is refused from then on. */
  async #make(request: SettingsRequest): Promise<AppliedSettings> {
    const { clock, pause, randomId } = this.#ports;
    const end = clock.monotonic() + settingsTimes.madeWithin;
    const refusals = new Refusals();
    for (;;) {
      const before = await this.#known().catch((error: unknown) => refusals.note(error));
      if (before !== undefined) {
        const step = { id: randomId(), before: before.id, rows: [this.#rowAfter(request)] };
        const became = await this.#send(step, end, refusals);
        if (became === 'done') {
          await this.renew().catch(() => {});
          return { version: before.version + 1, id: step.id };
        }
      }
      if (clock.monotonic() >= end) throw refusals.last;
      if (before === undefined) await pause(settingsTimes.pause);
    }
  }

  async #known(): Promise<StoredSettings> {
    await this.renew();
    return this.#stored as StoredSettings;
  }

  #rowAfter(request: SettingsRequest): SettingRow {
    const { server, types } = this.#current;
    const now = this.#ports.clock.now();
    if ('name' in request) return typeRow(request.name, typeAfter(types.get(request.name) ?? {}, request, now));
    return serverRow(serverAfter(server, request, now));
  }

  /** Sends it again until something is known of it. @returns undefined when time is up, or it was refused */
  async #send(
    step: Parameters<Database['changeSettings']>[0],
    end: number,
    refusals: Refusals,
  ): Promise<'done' | 'overtaken' | undefined> {
    const { database, clock, pause } = this.#ports;
    for (;;) {
      try {
        return await database.changeSettings(step);
      } catch (error) {
        refusals.note(error);
      }
      if (clock.monotonic() >= end) return undefined;
      await pause(settingsTimes.pause);
    }
  }

  async #untilApplied(change: AppliedSettings): Promise<void> {
    const { database, clock, pause } = this.#ports;
    const end = clock.monotonic() + settingsTimes.appliedWithin;
    let behind: readonly NodeRow[] | undefined;
    for (;;) {
      const nodes = await database.nodes().catch(() => undefined);
      behind = nodes?.filter((node) => !node.dead && !applies(node, change));
      if (behind?.length === 0) return;
      if (clock.monotonic() >= end) break;
      await pause(settingsTimes.pause);
    }
    const who = behind === undefined ? 'not known' : `not yet by ${behind.map(({ address }) => address).join(', ')}`;
    throw new Refusal(
      'storage_unavailable',
      `The change is stored, but whether all nodes go by it is ${who}. Ask again to hear when they do.`,
    );
  }
}

/** Why a change was not made, as far as that is known. */
class Refusals {
  #isUnknown = false;

  note(error: unknown): undefined {
    // A fault of ours is none of the database's.
    if (error instanceof SyntaxError || error instanceof TypeError) throw error;
    if (error instanceof UnknownEnd) this.#isUnknown = true;
  }

  get last(): Refusal {
    if (this.#isUnknown)
      return new Refusal(
        'timeout',
        'The database did not answer in time. The change may have been made, or may be yet.',
      );
    return new Refusal('storage_unavailable', 'The database takes no writes just now: nothing was changed.');
  }
}

function applies({ facts }: NodeRow, { version, id }: AppliedSettings): boolean {
  const { settings } = readFacts(facts);
  return settings !== undefined && (settings.id === id || settings.version > version);
}
