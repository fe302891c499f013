/**
 * Requests to other nodes that have no answer yet. Each comes to an end: its answer, the end of its time, or that of its node. A machine that
 * is gone, and a process that stands still, break no connection.
 */
import type { RandomId } from '../store/postgres/database.js';

export interface OpenCallsPorts {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Whether a node is dead, or has left: what it was asked nobody will answer under its name. */
  readonly isGone: (node: RandomId) => boolean;
}

interface Call {
  readonly node: RandomId;
  readonly endsAt: number;
  readonly cut: (reason: Error) => void;
}

const lookEveryMs = 250;

/** See the head of this file. */
export class OpenCalls {
  readonly #ports: OpenCallsPorts;
  readonly #open = new Set<Call>();
  #looking: NodeJS.Timeout | undefined;

  constructor(ports: OpenCallsPorts) {
    this.#ports = ports;
  }

  /**
   * A request is sent.
   *
   * @param cut ends it
   * @returns what is to be called when it has ended
   */
  add(node: RandomId, withinMs: number, cut: (reason: Error) => void): () => void {
    const call: Call = { node, endsAt: this.#ports.now() + withinMs, cut };
    this.#open.add(call);
    this.#looking ??= setInterval(() => this.#look(), lookEveryMs).unref();
    return () => void this.#open.delete(call);
  }

  close(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #look(): void {
    const { now, isGone } = this.#ports;
    for (const call of this.#open) {
      const reason = isGone(call.node) ? 'is dead to the others, or has left' : 'has not answered in time';
      if (now() < call.endsAt && !isGone(call.node)) continue;
      this.#open.delete(call);
      call.cut(new Error(`node ${call.node} ${reason}`));
    }
    if (this.#open.size === 0) this.close();
  }
}
