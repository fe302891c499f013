/** `escapement cluster`. */
import { Command } from 'commander';
import { asking, examples } from '../option.js';

export function clusterCommand(): Command {
  const command = new Command('cluster')
    .description('Show the nodes and shards of a cluster, as one of its nodes sees them.')
    .action(async (options) => (await import('../asking/overview/cluster.js')).cluster(options));
  return examples(asking(command), 'escapement cluster');
}
