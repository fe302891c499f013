/**
 * What listens while a node waits for its database at the start: `/health` says what it waits for, and everything else is refused. It
 * gives the address free before the server itself listens.
 */
import { Refusal } from '../domain/errors.js';
import type { HttpApp } from './http/app.js';
import { bind, isPrivate, urlsOf } from './http/bind.js';
import { Gate } from './http/gate.js';
import { openApp } from './http/open-app.js';
import { type Access, Tokens } from './http/tokens.js';
import { healthRoutes } from './routes/health.js';
import type { ServerOptions } from './server.js';

const base = '/api/v1';

export interface WaitingServerOptions extends Pick<ServerOptions, 'config' | 'http' | 'log' | 'clock' | 'telemetry'> {
  /** What it waits for, as of each call and for whoever has this access: a sentence without its full stop. */
  readonly reason: (access: Access) => string;
}

/** See the head of this file. */
export class WaitingServer {
  readonly #app: HttpApp;
  readonly #options: WaitingServerOptions;

  /** @throws Error that tells the user what to do, when the settings cannot be used */
  constructor(options: WaitingServerOptions) {
    const { config, http, log, clock, telemetry, reason } = options;
    const tokens = new Tokens(config.tokens);
    const gate = new Gate({ ...config, tokens, loopback: isPrivate(config.host), trailers: http.readsTrailers });
    const app = openApp({ config, http, gate, log, clock, telemetry });
    // No connection outlives its answer: a client that kept one would find it broken when the server itself listens.
    app.closing = true;
    const health = (access: Access) => ({ status: 'degraded', reason: reason(access) }) as const;
    for (const route of healthRoutes(base, { health, ready: () => false, clock, timezone: config.timezone }))
      app.route(route);
    // Who comes here has shown a token, where there are any.
    app.refuseRest(() => new Refusal('storage_unavailable', `${capitalized(reason('full'))}.`));
    this.#app = app;
    this.#options = options;
  }

  /** @throws Error that tells the user what to do, when the address cannot be had */
  async listen(): Promise<{ urls: string[] }> {
    const { config, log } = this.#options;
    return { urls: urlsOf(await bind(this.#app, config.host, config.port, log), config.tlsCert !== undefined) };
  }

  /** Ends everything at once, and gives the address free. */
  close(): void {
    this.#app.close();
  }
}

const capitalized = (sentence: string): string => `${sentence[0]?.toUpperCase()}${sentence.slice(1)}`;
