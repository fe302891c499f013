/** An answer of another node that stays open, on a connection of its own. */
import { request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { type Peer, PeerGone, type Peers } from '../peers.js';

export interface StreamRequest {
  /** With the query. */
  readonly path: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** One that is not there by then will not come. */
const answerMs = 2000;

/**
 * @returns what comes, until the stream is over
 * @throws PeerGone when there is no stream, and while it is read when its connection breaks
 */
export async function streamOf(
  peers: Pick<Peers, 'reach'>,
  peer: Peer,
  { path, signal }: StreamRequest,
): Promise<AsyncIterable<Buffer>> {
  const reach = peers.reach(peer);
  if (reach === undefined) throw new PeerGone(false, `node ${peer.node} does not answer`);
  const url = new URL(path, reach.url);
  const options = { method: 'GET', agent: false as const, headers: reach.headers, signal };
  const chunks = await new Promise<AsyncIterable<Buffer>>((resolve, reject) => {
    const call = url.protocol === 'https:' ? tlsRequest(url, options) : request(url, options);
    const limit = setTimeout(() => call.destroy(new Error('no answer in time')), answerMs);
    call.on('error', (error) => {
      clearTimeout(limit);
      reject(new PeerGone(true, error.message));
    });
    call.once('response', (answer) => {
      clearTimeout(limit);
      if (answer.statusCode === 200) return resolve(answer);
      answer.destroy();
      reject(new PeerGone(true, `an answer of ${answer.statusCode}`));
    });
    call.end();
  });
  return readable(chunks);
}

async function* readable(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* chunks;
  } catch (error) {
    throw new PeerGone(true, (error as Error).message);
  }
}
