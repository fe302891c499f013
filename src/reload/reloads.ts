/**
 * Reading handlers and tokens anew while the server runs: one reading at a time. What is asked for during one is one more
 * reading, which begins when that is over. The two parts stand alone: a handler that does not load keeps no token valid.
 */
import type { Logger } from '../log.js';
import type { LoadedGeneration } from '../pool/generations.js';
import type { TokenLists } from '../server/http/tokens.js';
import type { Telemetry } from '../telemetry/port.js';
import { jobTypesOf, type LoadedType } from './job-types.js';

/** What asks for a reading: the signal, or a change in the handlers folder. */
export type ReloadCause = 'SIGHUP' | 'watch';

/** What there is of a server when it starts. */
export interface Present {
  readonly types: readonly LoadedType[];
  readonly tokens: TokenLists;
}

export interface ReloadPorts {
  /** Where the handlers are: told with each reading, since a file that is put elsewhere is never found. */
  readonly folder: string;
  /** Starts threads that read the handlers folder anew. @throws Error for the user */
  readonly load: () => Promise<LoadedGeneration>;
  /** From now on these are the handlers: called in the turn in which the new threads get their first attempts. */
  readonly replaceTypes: (types: readonly LoadedType[]) => void;
  /** Reads the token file; undefined where there is none. @throws Error for the user */
  readonly readTokens: (() => TokenLists) | undefined;
  /** From now on these tokens are valid. Returns how many connections of others were closed. */
  readonly replaceTokens: (lists: TokenLists) => number;
  readonly log: Logger;
  readonly telemetry: Telemetry;
}

export class Reloads {
  readonly #ports: ReloadPorts;
  #types: readonly LoadedType[];
  #tokens: TokenLists;
  #running: Promise<void> | undefined;
  /** The one behind that. */
  #next: Promise<void> | undefined;
  /** What was asked for before `start`. */
  #wanted: ReloadCause | undefined;
  #state: 'waiting' | 'started' | 'stopped' = 'waiting';

  constructor(ports: ReloadPorts, { types, tokens }: Present) {
    this.#ports = ports;
    this.#types = types;
    this.#tokens = tokens;
  }

  /** The server runs: from now on readings may begin, and one that was asked for before does. */
  start(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'started';
    if (this.#wanted) void this.request(this.#wanted);
  }

  /** Asks for a reading. Resolves when one is over that began after this call; what fails is logged. */
  request(cause: ReloadCause): Promise<void> {
    if (this.#state !== 'started') {
      this.#wanted = cause;
      return Promise.resolve();
    }
    if (this.#running === undefined && this.#next === undefined) return this.#begin(cause);
    this.#next ??= Promise.resolve(this.#running).then(() => {
      this.#next = undefined;
      return this.#begin(cause);
    });
    return this.#next;
  }

  /** No more readings begin, and one that is under way changes nothing. */
  stop(): void {
    this.#state = 'stopped';
  }

  get #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  #begin(cause: ReloadCause): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    this.#running = this.#read(cause).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #read(cause: ReloadCause): Promise<void> {
    this.#readTokens(cause);
    await this.#readHandlers(cause);
  }

  #readTokens(cause: ReloadCause): void {
    const { readTokens, replaceTokens, log, telemetry } = this.#ports;
    if (readTokens === undefined) return;
    try {
      const tokens = readTokens();
      const [added, removed] = difference(tokens.full, this.#tokens.full);
      this.#tokens = tokens;
      const closed = replaceTokens(tokens);
      // How many, and never which.
      const changed = { cause, added: added.length, removed: removed.length, closed };
      if (added.length + removed.length > 0) log.info(changed, 'the token file was read anew');
      telemetry.reloaded('tokens', 'done');
    } catch (error) {
      const { message: reason } = error as Error;
      log.error({ cause, reason }, 'the token file could not be read again: the old tokens stay valid');
      telemetry.reloaded('tokens', 'failed');
    }
  }

  async #readHandlers(cause: ReloadCause): Promise<void> {
    const { folder, load, replaceTypes, log, telemetry } = this.#ports;
    let loaded: LoadedGeneration | undefined;
    try {
      loaded = await load();
      const types = await jobTypesOf(loaded.handlers);
      if (this.#isStopped) return await loaded.drop();
      const names = (list: readonly LoadedType[]): string[] => list.map(({ name }) => name);
      const [added, removed] = difference(names(types), names(this.#types));
      this.#types = types;
      loaded.use();
      replaceTypes(types);
      log.info({ cause, folder, added, removed, handlers: types.length }, 'the handlers were read anew');
      telemetry.reloaded('handlers', 'done');
    } catch (error) {
      await loaded?.drop();
      // The stop ended the threads that were loading.
      if (this.#isStopped) return;
      const { message: reason } = error as Error;
      log.error({ cause, folder, reason }, 'the handlers could not be read again: the old ones stay');
      telemetry.reloaded('handlers', 'failed');
    }
  }
}

/** What is in the one list alone, and what is in the other. */
function difference(now: readonly string[], before: readonly string[]): readonly [added: string[], removed: string[]] {
  const [has, had] = [new Set(now), new Set(before)];
  return [now.filter((each) => !had.has(each)), before.filter((each) => !has.has(each))];
}
