/** The options of a node of a cluster. */
import { type Command, InvalidArgumentError } from 'commander';
import type { ClusterConfig } from '../config.js';
import { option } from './option.js';
import { duration, powerOfTwo, serverUrl } from './option-values.js';
import { fail } from './output.js';

/** As commander hands them over. */
export interface ClusterOptions {
  readonly store?: string;
  readonly advertise?: string;
  readonly shards?: number;
  readonly settle?: number;
}

const mostShards = 64;
const settledAfter = '30s';

export function withCluster(command: Command): Command {
  return command
    .addOption(
      option(
        '--store <url>',
        'keep jobs in this PostgreSQL, together with other nodes: postgres://user:password@host/database; better set as variable, since others can see command lines; see docs/cluster.md (default: jobs are kept in --data-dir)',
      ),
    )
    .addOption(
      option(
        '--advertise <url>',
        'URL at which the other nodes reach this one, such as http://10.0.0.5:8080; --store needs it',
      ).argParser(nodeUrl),
    )
    .addOption(
      option(
        '--shards <number>',
        `number of shards of a new cluster, which cannot be changed later: a power of two up to ${mostShards} (default: 16)`,
      ).argParser(powerOfTwo(mostShards)),
    )
    .addOption(
      option(
        '--settle <duration>',
        `how long a new node runs before other nodes give it shards of theirs (default: ${settledAfter})`,
      ).argParser(duration),
    )
    .addOption(testShards());
}

/** For tests: a directory may be divided as a cluster is. Both are what `--shards` says where that is given. */
function testShards() {
  return option('--test-shards <number>', 'what a new data directory or a new cluster is divided into')
    .argParser(powerOfTwo(mostShards))
    .hideHelp();
}

/** Addresses that mean "all of this machine", which no other machine can call. */
const anyAddress = new Set(['0.0.0.0', '[::]']);

function nodeUrl(text: string): string {
  const origin = serverUrl(text);
  const { pathname, search, hash, username, hostname } = new URL(text);
  if (pathname !== '/' || search !== '' || hash !== '' || username !== '')
    throw new InvalidArgumentError('It must be an address alone, such as http://10.0.0.5:8080, without path or user.');
  if (anyAddress.has(hostname))
    throw new InvalidArgumentError(
      'It must be an address at which other machines reach this one, such as http://10.0.0.5:8080.',
    );
  return origin;
}

/** @returns undefined where jobs are kept in a directory @throws CommanderError where an option lacks another */
export function readCluster({ store, advertise, shards, settle }: ClusterOptions): ClusterConfig | undefined {
  if (store === undefined) {
    if (advertise !== undefined || shards !== undefined || settle !== undefined)
      fail(
        '--advertise, --shards and --settle need --store: without it jobs are kept in --data-dir, by this server alone',
      );
    return undefined;
  }
  if (advertise === undefined)
    fail('--store needs --advertise: the URL at which the other nodes reach this one, such as http://10.0.0.5:8080');
  return { store, advertise, settleMs: settle ?? duration(settledAfter) };
}
