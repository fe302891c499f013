/**
 * What users have set, as it is on disk and as it will be: the part of the books that is about types and the server. In a cluster it is
 * set for all shards at once, and not here: what the shard's own log has of it is only which types have groups.
 */
import {
  atStake,
  changed,
  type ServerSettings,
  type Settings,
  type TypeSettings,
} from '../../domain/control/settings.js';
import type { Batch } from '../batch.js';

/** The batches that may be under way. */
interface UnderWay {
  readonly filling: Batch;
  readonly inFlight: Batch | undefined;
}

/** See the head of this file. */
export class SettingsBook {
  readonly #underWay: () => UnderWay;
  #onDisk: Settings;
  #edition = 0;
  /** What is set for all shards of a cluster; undefined: there is none. */
  #ofCluster: Settings | undefined;

  constructor(onDisk: Settings, underWay: () => UnderWay) {
    this.#onDisk = onDisk;
    this.#underWay = underWay;
  }

  /** From now on this is set for all shards of the cluster. */
  apply(ofCluster: Settings): void {
    this.#ofCluster = ofCluster;
    this.#edition++;
  }

  /** As they are on disk. */
  get onDisk(): Settings {
    return this.#ofCluster ?? this.#onDisk;
  }

  /** Changes whenever `atStake` may. */
  get edition(): number {
    return this.#edition;
  }

  /** What is set of a job type here, written or not. */
  typeOf(name: string): TypeSettings {
    const { filling, inFlight } = this.#underWay();
    return filling.typeOf(name) ?? inFlight?.typeOf(name) ?? this.#onDisk.types.get(name) ?? {};
  }

  /** All that may come to hold of a job type: see `domain/control/settings`. */
  atStake(name: string): readonly TypeSettings[] {
    if (this.#ofCluster !== undefined) {
      const { hasGroups } = this.typeOf(name);
      const set = this.#ofCluster.types.get(name);
      return set === undefined && hasGroups === undefined ? [] : [{ ...set, hasGroups }];
    }
    const { filling, inFlight } = this.#underWay();
    return atStake(filling.typeOf(name), inFlight?.typeOf(name), this.#onDisk.types.get(name));
  }

  /** Whether nothing may start. A pause holds from its decision on, and until its end is on disk. */
  get isServerPaused(): boolean {
    if (this.#ofCluster !== undefined) return this.#ofCluster.server.paused !== undefined;
    const { filling, inFlight } = this.#underWay();
    return (
      filling.server?.paused !== undefined ||
      inFlight?.server?.paused !== undefined ||
      this.#onDisk.server.paused !== undefined
    );
  }

  /** What is set of the server here, written or not. */
  get server(): ServerSettings {
    const { filling, inFlight } = this.#underWay();
    return filling.server ?? inFlight?.server ?? this.#onDisk.server;
  }

  /** Sets what holds for a job type, once it is on disk. */
  setType(name: string, settings: TypeSettings): void {
    this.#edition++;
    this.#underWay().filling.setType(name, settings);
  }

  /** Sets what holds for the server, once it is on disk. */
  setServer(settings: ServerSettings): void {
    this.#underWay().filling.setServer(settings);
  }

  /** From now on there may be groups of a type that are to have their turn. */
  noteGroups(name: string): void {
    const settings = this.typeOf(name);
    if (settings.hasGroups !== true) this.setType(name, { ...settings, hasGroups: true });
  }

  /** A batch is on disk. */
  written({ settings }: Batch): void {
    if (settings === undefined) return;
    this.#onDisk = changed(this.#onDisk, settings);
    this.#edition++;
  }

  /** What was under way is lost. */
  lost(): void {
    this.#edition++;
  }
}
