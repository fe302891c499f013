/** What the machine's network has, and certificates to serve it with. */
import { execFileSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { temporary } from './server.js';

const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);

/** Whether there is a `::1`: containers often have none. */
export const hasV6 = addresses.some(({ address }) => address === '::1');

/** Options of a test that needs `::1`. */
export const needsV6 = hasV6 ? {} : { skip: 'this machine has no ::1' };

/** Addresses of this machine that are neither 127.0.0.1 nor ::1. All of 127.0.0.0/8 is this machine's on Linux. */
export const otherAddresses: readonly string[] = [
  ...(process.platform === 'linux' ? ['127.0.0.2'] : []),
  ...addresses.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
];

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** How an attempt to connect ends: 'connected', or the error's code. */
export function connecting(host: string, port: number): Promise<string> {
  return new Promise((done) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      done('connected');
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => done(String(code)));
  });
}

/** A fresh self-signed certificate for localhost and its key, as files. Needs openssl. */
export function makeCertificate(): { readonly cert: string; readonly key: string } {
  const folder = temporary('tls');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      ...curve,
      '-nodes',
      '-subj',
      '/CN=localhost',
      ...names,
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      cert,
    ],
    { stdio: 'ignore' },
  );
  return { cert, key };
}
