/** `escapement cluster` and `escapement move`: of several nodes. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { asking, examples, option } from '../option.js';
import { orExplain, print } from '../output.js';

export function clusterCommand(): Command {
  const command = new Command('cluster')
    .description('Show the nodes and shards of a cluster, as one of its nodes sees them.')
    .action(async (options) => (await import('../asking/overview/cluster.js')).cluster(options));
  return examples(asking(command), 'escapement cluster');
}

/** From a data directory into a cluster. */
export function moveCommand(): Command {
  const command = new Command('move')
    .description(
      'Move all jobs of a data directory into an empty cluster, or none of them. The server of the directory must be stopped. Ids, runs and keys stay; the numbers of events begin again.',
    )
    .addOption(option('--data-dir <folder>', 'where the jobs are').makeOptionMandatory())
    .addOption(option('--store <url>', 'PostgreSQL of the cluster').makeOptionMandatory())
    .action(({ dataDir, store }: { dataDir: string; store: string }) =>
      orExplain(async () => {
        const { move } = await import('../check.js');
        await move(resolve(dataDir), store, print);
      }),
    );
  return examples(command, 'escapement move --data-dir ./data --store postgres://user@db.internal/escapement');
}
