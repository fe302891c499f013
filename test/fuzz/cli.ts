/**
 * Sends broken requests and frames to a server for some time: `npm run fuzz -- --seconds 60 --seed 42`. What is found is
 * printed with its bytes and the command that sends them again, and the exit code is 1.
 */
import { InvalidArgumentError } from 'commander';
import { commandLine, positive, wholeNumber } from '../../bench/support/command-line.js';
import { fuzz, type Input, replay } from './fuzzer.js';

const {
  seconds,
  seed,
  replay: again,
} = commandLine('fuzz', 'Broken requests and frames for a server of its own.')
  .option('--seconds <number>', 'for how long', positive, 60)
  .option('--seed <number>', 'where the chances begin', wholeNumber(), Date.now() % 1_000_000)
  .option('--replay <input...>', 'send these again, http:<base64> or ws:<base64> as a finding prints them', read)
  .parse()
  .opts<{ seconds: number; seed: number; replay?: Input[] }>();

if (again !== undefined) {
  const what = await replay(again);
  console.log(what ?? 'nothing is wrong');
  process.exit(what === undefined ? 0 : 1);
}

const { batches, inputs, statuses, finding } = await fuzz({ seed, seconds });
console.log(`seed ${seed}: ${inputs} inputs in ${batches} batches; answered: ${JSON.stringify(statuses)}`);
if (finding !== undefined) {
  console.log(`found in batch ${finding.batch}: ${finding.what}`);
  const replays = finding.inputs.map(({ kind, bytes }) => `--replay ${kind}:${bytes.toString('base64')}`);
  console.log(`replay: npm run fuzz -- ${replays.join(' ')}`);
  process.exit(1);
}

function read(text: string, earlier: readonly Input[] = []): Input[] {
  const [kind, bytes = ''] = text.split(':');
  if (kind !== 'http' && kind !== 'ws') throw new InvalidArgumentError('It must be http:… or ws:….');
  return [...earlier, { kind, bytes: Buffer.from(bytes, 'base64') }];
}
