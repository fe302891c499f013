/**
 * The resource `/backup`: a copy of the store into a directory of the machine that the server runs on. It is a mutation
 * like any other: Host, Origin and token are checked before it. Beyond that, it fills a disk, so a server without a token
 * that answers for other names than this machine's, which means that a proxy lets others in, does not offer it.
 */
import { isAbsolute } from 'node:path';
import { Faults } from '../../api/faults.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { addShapeFaults, backupShape, notAPath } from '../../api/schemas.js';
import { Refusal } from '../../domain/errors.js';
import type { Requests } from '../../scheduler/messages.js';
import { parseJson } from '../bodies/json-body.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';

/** Writes a backup into a new or empty directory; rejects with a Refusal when that cannot be. */
export type BackUp = (
  directory: string,
) => Promise<{ readonly bytes: number; readonly position: number; readonly durationMs: number }>;

export interface BackupContext {
  readonly backUp: BackUp;
  readonly requests: Requests;
  /** Others than this machine's users can get here without a token. */
  readonly exposed: boolean;
}

const maxBodyBytes = 16 * 1024;
/** A backup may take longer than any other answer: while it does, the exchange is kept from its deadline. */
const renewMs = 1000;

export function backupRoutes(base: string, context: BackupContext): Route[] {
  return [{ ...at(base, operations.backUp), maxBodyBytes, run: (exchange, body) => backUp(context, exchange, body) }];
}

/** Of a node of a cluster. */
export function noBackupRoutes(base: string): Route[] {
  const run = (): never => {
    throw new Refusal(
      'not_found',
      'The jobs of this server are in PostgreSQL: a backup is one of that database, by pg_dump for instance.',
    );
  };
  return [{ ...at(base, operations.backUp), maxBodyBytes, run }];
}

function backUp({ backUp, requests, exposed }: BackupContext, exchange: Exchange, body: Buffer): void {
  if (exposed)
    throw new Refusal(
      'forbidden',
      'A server that answers for other hosts makes backups only with a token: start it with --token.',
    );
  const refusing = requests.refusing();
  if (refusing && refusing.code !== 'overloaded') throw refusing;
  const directory = readDirectory(body);
  const renewing = setInterval(() => {
    if (!exchange.over) exchange.renew();
  }, renewMs);
  backUp(directory)
    .then(
      ({ bytes, position, durationMs }) =>
        exchange.answer(jsonOk, JSON.stringify({ directory, bytes, position, duration_ms: durationMs })),
      (error: unknown) => exchange.fail(error),
    )
    .finally(() => clearInterval(renewing));
}

function readDirectory(body: Buffer): string {
  const faults = new Faults();
  const value = parseJson(body, faults);
  if (!backupShape.fits(value)) {
    addShapeFaults(backupShape, value, faults, '');
    throw faults.refusal();
  }
  const { directory } = value;
  if (!isAbsolute(directory) || directory.includes('\0')) faults.add('/directory', notAPath);
  faults.throwIfAny();
  return directory;
}
