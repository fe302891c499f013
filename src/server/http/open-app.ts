/** Opens what serves HTTP, with the certificate of the settings. */
import { accessSync, constants } from 'node:fs';
import type { Config } from '../../config.js';
import { HttpApp, type HttpAppOptions } from './app.js';

/** How long a request may wait for its answer, in milliseconds. */
const defaultAnswerTimeoutMs = 30_000;

export interface AppSettings extends Pick<HttpAppOptions, 'http' | 'gate' | 'log' | 'clock' | 'telemetry' | 'traces'> {
  readonly config: Pick<Config, 'tlsCert' | 'tlsKey' | 'maxConnections'>;
  /** Whole seconds; default 30 s. */
  readonly answerTimeoutMs?: number | undefined;
}

/** @throws Error that tells the user what to do, when the certificate or its key cannot be used */
export function openApp({ config, answerTimeoutMs = defaultAnswerTimeoutMs, ...options }: AppSettings): HttpApp {
  const { tlsCert, tlsKey, maxConnections } = config;
  const tls = tlsCert === undefined || tlsKey === undefined ? undefined : { cert: tlsCert, key: tlsKey };
  if (tls) {
    checkReadable(tls.cert, '--tls-cert');
    checkReadable(tls.key, '--tls-key');
  }
  try {
    return new HttpApp({ ...options, tls, answerTimeoutMs, maxConnections });
  } catch {
    throw new Error(
      'the files of --tls-cert and --tls-key cannot be used: they must be PEM, and the key must belong to the certificate',
    );
  }
}

function checkReadable(file: string, option: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw new Error(`cannot read the file ${file} of ${option}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
