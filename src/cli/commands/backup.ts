/** `escapement backup`. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { examples, type ServerOptions, withServer } from '../option.js';
import { checkToken, orExplain, print } from '../output.js';

export function backupCommand(): Command {
  const command = new Command('backup')
    .description(
      'Write a backup of a running server, which keeps working. The directory must be new or empty, and is on the machine of the server.',
    )
    .argument('<directory>', 'where the backup goes')
    .action((directory: string, { url, token }: ServerOptions) =>
      orExplain(async () => {
        if (token !== undefined) checkToken(token);
        const { backUp } = await import('../backup.js');
        print(await backUp(resolve(directory), { url, token }));
      }),
    );
  return examples(withServer(command), 'escapement backup /var/backups/escapement/monday');
}
