/** Proxies of others, nginx and Caddy, in front of servers of tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { Test } from 'tap';

/** A whole file for nginx: what the documents show goes into its `http` block. Its own files go into the folder. */
export function nginxFile(folder: string, site: string): string {
  return `daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1;
    events {}
    http {
      access_log off;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${folder}/${each};`).join('\n')}
      ${site}
    }`;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Runs a proxy until the end of the test, and waits until it takes connections. */
export async function runProxy(t: Test, port: number, command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  children.add(child);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  let running = true;
  void ended.then(() => {
    running = false;
    children.delete(child);
  });
  t.teardown(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  while (!(await takesConnections(port))) {
    if (!running) throw new Error(`${command} ended: ${output}`);
    await new Promise((next) => setTimeout(next, 20));
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}
