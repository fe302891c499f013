/** Which of the adapters serves HTTP. Each is loaded only where it is used: reading both would cost every start. */
import type { Logger } from '../../log.js';
import type { HttpAdapter, HttpName } from './http-port.js';

/**
 * @param wanted undefined: uWebSockets.js where its binary loads, else Node's own HTTP, which is logged
 * @throws Error that tells the user why uWebSockets.js, where it was asked for, cannot be had
 */
export async function chooseHttp(wanted: HttpName | undefined, log: Logger): Promise<HttpAdapter> {
  if (wanted === 'node') return nodeHttp();
  try {
    return (await import('../uws/adapter.js')).uwsHttp;
  } catch (error) {
    const { message } = error as Error;
    if (wanted === 'uws')
      throw new Error(`${message}; or leave out --http uws, and Node's own HTTP serves`, { cause: error });
    log.info(`Node's own HTTP serves (http: "node"), which is slower: ${message}`);
    return nodeHttp();
  }
}

async function nodeHttp(): Promise<HttpAdapter> {
  return (await import('../node/adapter.js')).nodeHttp;
}
