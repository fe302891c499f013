/** Moves the jobs of a data directory into a cluster that has none. The directory stays as it is, but says that its jobs are elsewhere. */

import { hasEnded } from '../../../domain/control/bulk.js';
import type { Settings } from '../../../domain/control/settings.js';
import { useIdKey } from '../../../domain/id.js';
import { JobNumbers } from '../../../domain/ids/job-numbers.js';
import type { Status } from '../../../domain/lifecycle.js';
import { checkApart } from '../../check/check-apart.js';
import { withJournal } from '../../check/with-journal.js';
import { whileStopped } from '../../directory/check-directory.js';
import { DirectoryError, noteMoved } from '../../directory/directory.js';
import { entryBytes } from '../../format/journal/entry.js';
import { schemaVersion } from '../../format/layout.js';
import { LmdbKv } from '../../kv/kv-lmdb.js';
import { KvLogSource } from '../../log/kv-log.js';
import { CommittedState } from '../../state/committed-state.js';
import type { SettingRow } from '../database.js';
import { type FilledRecord, fillCluster } from '../pg/fill.js';
import { newShards } from '../pg/open.js';
import { type MovedStore, splitOff } from './split.js';

/** What was moved. */
export interface MoveSummary {
  /** Host, port and database. */
  readonly where: string;
  readonly jobs: Readonly<Record<Status, number>>;
}

/**
 * All of it or nothing.
 *
 * @param url of PostgreSQL
 * @param report is called with a line for what is done next, and for each fault of the directory
 * @param rowsOf what users have set, as nodes keep it for the whole cluster
 * @throws DirectoryError; DatabaseUnusable; UnknownEnd
 */
export function moveDirectory(
  directory: string,
  url: string,
  report: (line: string) => void,
  rowsOf: (settings: Settings) => readonly SettingRow[],
): Promise<MoveSummary> {
  return whileStopped(directory, async (path, facts) => {
    if (facts.backup)
      throw new DirectoryError(
        `${path} is a backup: make a data directory of it by "escapement restore ${path} --data-dir NEW" and move that`,
      );
    if (facts.moved)
      throw new DirectoryError(
        `the jobs of ${path} were moved to PostgreSQL at ${facts.moved.to} already (${facts.moved.at})`,
      );
    if (facts.schema !== schemaVersion)
      throw new DirectoryError(
        `${path} was written by an older escapement: start this version on it once, stop it, and then move`,
      );
    report(`checking ${path}`);
    const { faults, jobs } = await checkApart(path, facts.idKey, report);
    if (faults > 0) throw new DirectoryError(`${path} is damaged: nothing was moved; restore it from a backup`);
    useIdKey(facts.idKey);
    const kv = new LmdbKv(path, { readOnly: true });
    try {
      const whole = withJournal(kv, path);
      const state = new CommittedState(whole, new KvLogSource(whole));
      const store: MovedStore = { state, restored: state.restore(() => {}) };
      const { bulks } = store.restored;
      if (bulks.some(({ record }) => !hasEnded(record)))
        throw new DirectoryError(
          `a bulk action of ${path} is not done: start the server until it is, or cancel it, and then move`,
        );
      report('moving');
      const where = await fillCluster(
        { url, shards: newShards, format: schemaVersion },
        {
          idKey: facts.idKey ?? '',
          settings: rowsOf(store.restored.settings),
          lastBulk: Math.max(0, ...bulks.map(({ record }) => record.id)),
          records: ({ shards }) => recordsOf(store, shards),
        },
      );
      noteMoved(path, facts, where);
      return { where, jobs };
    } finally {
      await kv.close();
    }
  });
}

function* recordsOf(store: MovedStore, shards: number): Iterable<FilledRecord> {
  const now = Date.now();
  for (let shard = 0; shard < shards; shard++)
    for (const { batch, claims } of splitOff(store, new JobNumbers(shard, shards), now))
      yield {
        shard,
        position: batch.position,
        bytes: (id) => entryBytes(batch, Buffer.from(id, 'hex')),
        claims,
      };
}
