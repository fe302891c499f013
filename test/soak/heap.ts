/** What the server's main thread holds after a collection, asked by the inspector's protocol. */
import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface Held {
  /** Live objects of the main thread. */
  readonly heapMiB: number;
  /** Sockets, timers, ports and the like that keep the event loop going. */
  readonly handles: number;
}

/** @param url of the inspector: `ws://127.0.0.1:…` */
export async function held(url: string): Promise<Held> {
  const socket = new WebSocket(url);
  try {
    await once(socket, 'open');
    await call(socket, 1, 'HeapProfiler.collectGarbage');
    const { usedSize } = await call<{ usedSize: number }>(socket, 2, 'Runtime.getHeapUsage');
    const { result } = await call<{ result: { value: number } }>(socket, 3, 'Runtime.evaluate', {
      expression: 'process.getActiveResourcesInfo().length',
      returnByValue: true,
    });
    return { heapMiB: usedSize / 2 ** 20, handles: result.value };
  } finally {
    socket.close();
  }
}

async function call<Result>(socket: WebSocket, id: number, method: string, params: object = {}): Promise<Result> {
  socket.send(JSON.stringify({ id, method, params }));
  for (;;) {
    const [data] = (await once(socket, 'message')) as [Buffer];
    const answer = JSON.parse(String(data)) as { id?: number; result: Result; error?: { message: string } };
    if (answer.id !== id) continue;
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  }
}
