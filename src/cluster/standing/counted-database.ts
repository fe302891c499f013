/** The database with what it is sent most counted, and timed. */
import type { Database } from '../../store/postgres/database.js';
import { UnknownEnd } from '../../store/postgres/database.js';
import type { ClusterCounts, StatementName } from '../../telemetry/cluster/cluster-counts.js';

type Counted = Pick<Database, 'append' | 'writePages' | 'load' | 'take' | 'beat' | 'askPlaces' | 'holders'>;

/** @param now monotonic milliseconds */
export function countedDatabase(database: Database, counts: ClusterCounts, now: () => number): Database {
  const count = async <T>(
    statement: StatementName,
    ask: () => Promise<T>,
    endOf: (answer: T) => string,
  ): Promise<T> => {
    const since = now();
    try {
      const answer = await ask();
      counts.statementEnded(statement, endOf(answer), now() - since);
      return answer;
    } catch (error) {
      counts.statementEnded(statement, error instanceof UnknownEnd ? 'unknown' : 'refused', now() - since);
      throw error;
    }
  };
  const counted: Counted = {
    append: (append) =>
      count(
        'append',
        () => database.append(append),
        ({ end }) => end,
      ),
    writePages: (slice) =>
      count(
        'write_pages',
        () => database.writePages(slice),
        (end) => end,
      ),
    load: (shard, read) =>
      count(
        'load',
        () => database.load(shard, read),
        () => 'done',
      ),
    take: (...of) =>
      count(
        'take',
        () => database.take(...of),
        (row) => (row === undefined ? 'missed' : 'done'),
      ),
    beat: (...of) =>
      count(
        'beat',
        () => database.beat(...of),
        ({ end }) => end,
      ),
    askPlaces: (...of) =>
      count(
        'ask_places',
        () => database.askPlaces(...of),
        (answers) => (answers === undefined ? 'dead' : 'done'),
      ),
    holders: (...of) =>
      count(
        'holders',
        () => database.holders(...of),
        () => 'done',
      ),
  };
  const rest = new Map<PropertyKey, unknown>(Object.entries(counted));
  return new Proxy(database, {
    get(target, name): unknown {
      let method = rest.get(name);
      if (method === undefined) {
        const found: unknown = Reflect.get(target, name, target);
        method = typeof found === 'function' ? found.bind(target) : found;
        rest.set(name, method);
      }
      return method;
    },
  });
}
