/** A node whose start is looked at: it may wait, be refused or be ended before it serves. */
import { once } from 'node:events';
import { join } from 'node:path';
import { handlersFolder, run, temporary } from '../../support/server.js';

export interface StartingOptions {
  readonly store: string;
  /** Where it listens; by default at a free one. */
  readonly port?: number;
  /** By default one that leads nowhere. */
  readonly advertise?: string;
  /** More of the command line. */
  readonly args?: readonly string[];
  readonly dataDir?: string;
}

/** It ends with the test file, if it has not before. */
export class StartingNode {
  /** What it has written. */
  text = '';
  /** Its exit code. */
  readonly ended: Promise<number | null>;
  readonly #child: ReturnType<typeof run>;

  constructor({ store, port = 0, advertise = 'http://127.0.0.1:1', args = [], dataDir }: StartingOptions) {
    const folder = dataDir ?? join(temporary('node'), 'store');
    const own = ['--port', String(port), '--data-dir', folder, '--handlers', handlersFolder({})];
    this.#child = run(['start', ...own, '--store', store, '--advertise', advertise, ...args]);
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.text += chunk;
      });
    this.ended = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  /** Waits until it has written what the pattern finds. @throws Error where it ends before */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.text);
      if (found) return found;
      const more = Promise.race([once(this.#child.stdout!, 'data'), once(this.#child.stderr!, 'data')]);
      const isOver = await Promise.race([more.then(() => false), this.ended.then(() => true)]);
      if (isOver && !pattern.test(this.text)) throw new Error(`it ended without ${pattern}:\n${this.text}`);
    }
  }

  /** SIGTERM. @returns its exit code */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return await this.ended;
  }
}
