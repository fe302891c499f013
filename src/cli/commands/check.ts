/** `escapement check` and `escapement restore`: what is done to a directory that no server uses. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { examples, option } from '../option.js';
import { fail, orExplain, print, startError } from '../output.js';

export function restoreCommand(): Command {
  const command = new Command('restore')
    .description(
      'Check a backup, and make a data directory from it. Whatever happened after the backup is lost. Jobs that have come due since then run at the next start.',
    )
    .argument('<backup>', 'a directory that "escapement backup" wrote')
    .addOption(option('--data-dir <folder>', 'the directory to make: new or empty').makeOptionMandatory())
    .action((backup: string, { dataDir }: { dataDir: string }) =>
      orExplain(async () => {
        const { restore } = await import('../check.js');
        await restore(resolve(backup), resolve(dataDir), print);
      }),
    );
  return examples(command, 'escapement restore /var/backups/escapement/monday --data-dir ./data');
}

export function checkCommand(): Command {
  const command = new Command('check')
    .description(
      'Check every record, index and counter of a backup, of a data directory whose server is stopped, or of a cluster while its nodes run. Exit code 1 when something is wrong.',
    )
    .argument('[directory]', 'what to check; nothing in it is changed')
    .addOption(option('--store <url>', 'check the cluster in this PostgreSQL, as of one instant'))
    .action((directory: string | undefined, { store }: { store?: string }) => {
      const isAsked = command.getOptionValueSource('store') === 'cli';
      if (directory !== undefined && isAsked)
        fail('name a directory to be checked, or a cluster with --store, not both');
      if (directory === undefined && store === undefined)
        fail('name a directory to be checked, or a cluster with --store');
      return orExplain(async () => {
        const { check, checkOfCluster } = await import('../check.js');
        const isWhole =
          directory === undefined
            ? await checkOfCluster(store as string, print)
            : await check(resolve(directory), print);
        if (!isWhole) process.exitCode = startError;
      });
    });
  return examples(
    command,
    'escapement check ./data',
    'escapement check --store postgres://user@db.internal/escapement',
  );
}
