/** Faults of the journal, of PostgreSQL, and of nodes. See scripts/mutations.mjs. */
import { change } from './change.mjs';

export const storage = [
  {
    name: 'a checkpoint begins the journal anew and brings nothing into the log',
    changes: [
      change('src/store/log/journaled-log.ts', 'if (this.#recent.length > 0) this.#log.appendAll(this.#recent);', ''),
    ],
  },
  {
    name: 'a start does not take up what only the journal has',
    changes: [change('src/store/log/journal.ts', 'behind.push(entry.batch);', '{}')],
  },
  {
    name: 'a torn entry of the journal is taken for whole',
    changes: [
      change(
        'src/store/format/journal/entry.ts',
        'if (end > journal.length || getU32(start, head.crc) !== crc32(journal.subarray(at + head.salt, end)))',
        'if (end > journal.length)',
      ),
    ],
  },
  {
    name: 'the next entry of the journal is written over the last one',
    changes: [change('src/store/log/journal.ts', 'this.#next += bytes / blockBytes;', '')],
  },
  {
    name: 'a spec that only the journal has is not found',
    changes: [change('src/store/state/memtable.ts', ' ?? this.#recent.spec(seq)', '')],
  },
  {
    name: 'an idempotency key that only the journal has is not known',
    changes: [
      change(
        'src/store/state/committed-store.ts',
        'return recent && isRemembered(recent, now) ? recent : this.#state.reader.keyUse(name, now);',
        'return this.#state.reader.keyUse(name, now);',
      ),
    ],
  },
  {
    name: 'a record that the store has before its commit was told of is not read from there',
    changes: [
      change(
        'src/store/state/recent-commits.ts',
        'return recent ?? this.#below.read(position);',
        'return position < first ? this.#below.read(position) : recent;',
      ),
    ],
  },
  {
    name: 'a part of an own shard counts though its lease has ended on the way',
    test: 'server/peers/gathering',
    changes: [change('src/server/peers/gathering.ts', 'if (!areHeld()) {', 'if (steps === undefined && !areHeld()) {')],
  },
  {
    name: 'a node answers for shards that it does not own',
    test: 'server/peers/gathering',
    changes: [change('src/server/peers/gathering.ts', 'leases[at] !== undefined && peers.leaseOf', 'peers.leaseOf')],
  },
  {
    name: 'a search goes on behind what a slower node has not looked at',
    test: 'cluster/gathering',
    changes: [change('src/cluster/gathering/merged-search.ts', '...ends.slice(0, 1)', '...ends.slice(-1)')],
  },
  {
    name: 'a node has no more of a list than it has sent',
    test: 'cluster/gathering',
    changes: [
      change(
        'src/cluster/gathering/merged-list.ts',
        'hasMore: page.hasMore || taken < page.entries.length',
        'hasMore: page.hasMore',
      ),
    ],
  },
  {
    name: 'PostgreSQL appends under a lease that is over',
    test: 'store/postgres/pg-database',
    changes: [
      change(
        'src/store/postgres/pg/schema.ts',
        "    PERFORM 1 FROM shard WHERE shard = p_shard AND token = p_token FOR SHARE;\n    IF NOT FOUND THEN RETURN 'fenced'; END IF;\n",
        '    NULL;\n',
      ),
    ],
  },
  {
    name: 'PostgreSQL takes a slice of pages under a lease that is over',
    test: 'store/postgres/pg-database',
    changes: [
      change(
        'src/store/postgres/pg/schema.ts',
        "RETURN 'fenced'; END IF;\n  SELECT slice",
        'NULL; END IF;\n  SELECT slice',
      ),
    ],
  },
  {
    name: 'PostgreSQL trims the log past what the pages have',
    test: 'store/postgres/pg-database',
    changes: [
      change('src/store/postgres/pg/schema.ts', '(SELECT position + 1 FROM merged WHERE shard = p_shard)', 'p_before'),
    ],
  },
  {
    name: 'a record that may be there is sent again under another id',
    test: 'store/postgres/shard-log',
    changes: [
      change(
        'src/store/postgres/shard-log.ts',
        'append({ lease: this.#lease, row,',
        'append({ lease: this.#lease, row: { ...row, id: this.#ports.randomId?.() ?? row.id },',
      ),
    ],
  },
  {
    name: 'the end of an attempt counts under whatever epoch that has begun',
    test: 'cluster/moves',
    changes: [
      change(
        'src/cluster/moves/remote-attempts.ts',
        'attempt?.node !== from || attempt.epoch !== epoch',
        'attempt?.node !== from || Number.isNaN(epoch)',
      ),
    ],
  },
  {
    name: 'a dump that was restored goes on with the timelines of its first database',
    test: 'store/postgres/restored',
    changes: [
      change('src/store/postgres/pg/restored.ts', "if (isOther) await client.query('SELECT begin_timelines()');", ''),
    ],
  },
];
