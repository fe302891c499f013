/**
 * `node dist/test/cluster/checker/cli.js FILE...`: says whether what was promised holds of a history that was recorded in these
 * files (those of several processes are one history). The exit code is 1 where something does not, 2 where the files are none.
 */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { check, report } from './check.js';
import { parseLines } from './lines.js';

const command = new Command('checker')
  .description('Says whether what was promised holds of a recorded history.')
  .argument('<file...>', 'lines of JSON, as test/cluster/checker/lines.ts has them')
  .parse();
try {
  const verdict = check(command.args.flatMap((file) => parseLines(readFileSync(file, 'utf8'), file)));
  console.log(report(verdict));
  process.exitCode = verdict.violations.length > 0 ? 1 : 0;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
