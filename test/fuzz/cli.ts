/**
 * Sends broken requests and frames to a server for some time: `npm run fuzz -- --seconds 60 --seed 42`. What is found is
 * printed with its bytes and the command that sends them again, and the exit code is 1.
 */
import { parseArgs } from 'node:util';
import { fuzz, type Input, replay } from './fuzzer.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** `http:<base64>` or `ws:<base64>`, as a finding prints them. */
    replay: { type: 'string', multiple: true },
  },
});

if (values.replay !== undefined) {
  const what = await replay(values.replay.map(read));
  console.log(what ?? 'nothing is wrong');
  process.exit(what === undefined ? 0 : 1);
}

const seed = Number(values.seed);
const { batches, inputs, statuses, finding } = await fuzz({ seed, seconds: Number(values.seconds) });
console.log(`seed ${seed}: ${inputs} inputs in ${batches} batches; answered: ${JSON.stringify(statuses)}`);
if (finding !== undefined) {
  console.log(`found in batch ${finding.batch}: ${finding.what}`);
  const again = finding.inputs.map(({ kind, bytes }) => `--replay ${kind}:${bytes.toString('base64')}`);
  console.log(`replay: npm run fuzz -- ${again.join(' ')}`);
  process.exit(1);
}

function read(text: string): Input {
  const [kind, bytes = ''] = text.split(':');
  if (kind !== 'http' && kind !== 'ws') throw new Error(`${text.slice(0, 40)} is neither http:… nor ws:…`);
  return { kind, bytes: Buffer.from(bytes, 'base64') };
}
