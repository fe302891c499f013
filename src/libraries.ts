/** Code that a start loads beside its other work, and only as far as the settings ask for it. */
import type { Logger as Pino } from 'pino';
import type { Config } from './config.js';
import type { Route } from './server/http/app.js';
import { chooseHttp } from './server/http/http-choice.js';
import type { HttpAdapter } from './server/http/http-port.js';
import { version } from './server/version.js';
import type { Traces } from './telemetry/traces/port.js';
import { loadTraces } from './telemetry/traces/sdk.js';

export interface Libraries {
  readonly Server: typeof import('./server/server.js').Server;
  readonly http: HttpAdapter;
  /** The dashboard; undefined: without. */
  readonly pages: readonly Route[] | undefined;
}

/** Loads what serves. */
export async function loadLibraries({ http, dashboard }: Config, log: Pino): Promise<Libraries> {
  const [{ Server }, adapter, pages] = await Promise.all([
    import('./server/server.js'),
    chooseHttp(http, log),
    dashboard ? import('./server/pages/dashboard.js').then(({ dashboardRoutes }) => dashboardRoutes()) : undefined,
  ]);
  return { Server, http: adapter, pages };
}

/** Nothing depends on traces: without the package that they need, the server runs as if there were no SDK. */
export async function tracesOf(log: Pino): Promise<Traces | undefined> {
  try {
    const traces = await loadTraces(version);
    if (traces !== undefined) log.info('requests, commits and attempts are traced: an OpenTelemetry SDK is loaded');
    return traces;
  } catch (error) {
    log.warn(
      { reason: (error as Error).message },
      'an OpenTelemetry SDK is loaded and nothing is traced: install @opentelemetry/api beside escapement',
    );
    return undefined;
  }
}
