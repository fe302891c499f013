/** The server under fire: a process of its own, in directories of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This file runs as `dist/test/fuzz/target.js`. */
const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const handlers = {
  noop: 'export default () => {};',
  echo: 'export default (payload) => payload;',
  fail: "export default () => { throw new Error('no'); };",
};

export class Target {
  port = 0;
  output = '';
  readonly #folder = mkdtempSync(join(tmpdir(), 'escapement-fuzz-'));
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;

  private constructor() {
    const folder = join(this.#folder, 'handlers');
    mkdirSync(folder);
    for (const [name, source] of Object.entries(handlers)) writeFileSync(join(folder, `${name}.mjs`), source);
    const data = join(this.#folder, 'data');
    const args = ['start', '--port', '0', '--data-dir', data, '--handlers', folder, '--log-level', 'error'];
    this.#child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    this.#gone = new Promise((done) => this.#child.once('close', () => done()));
    process.once('exit', () => this.#child.kill('SIGKILL'));
  }

  static async start(): Promise<Target> {
    const target = new Target();
    for (let waited = 0; target.port === 0; waited += 20) {
      if (!target.alive || waited > 30_000) throw new Error(`the server does not start: ${target.output}`);
      await new Promise((done) => setTimeout(done, 20));
      target.port = Number(/listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(target.output)?.[1] ?? 0);
    }
    return target;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How it ended. */
  get end(): string {
    return `exit code ${this.#child.exitCode}, signal ${this.#child.signalCode}`;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
