/**
 * `npm run soak -- --minutes 10 --rate 500 --seed 1 --fault-every 20`: see `soak`. Prints a line every five seconds and a verdict; the exit
 * code is 1 when something was wrong or leaks.
 */
import { commandLine, positive, wholeNumber } from '../../bench/support/command-line.js';
import { soak } from './soak.js';

const { minutes, rate, seed, faultEvery } = commandLine('soak', 'Mixed load with faults thrown in, and what grows.')
  .option('--minutes <number>', 'for how long', positive, 10)
  .option('--rate <number>', 'requests a second', positive, 500)
  .option('--seed <number>', 'where the chances begin', wholeNumber(1), 1)
  .option('--fault-every <seconds>', 'from one fault to the next', positive, 20)
  .parse()
  .opts<{ minutes: number; rate: number; seed: number; faultEvery: number }>();
const { growths, tally, faults, events, wrong } = await soak({
  minutes,
  perSecond: rate,
  seed,
  faultEverySeconds: faultEvery,
  print: (text) => console.log(text),
});
console.log(
  `\n${tally.created} requests were answered with jobs, ${tally.refused} refused, ${tally.unanswered} cut off; ${events} events`,
);
console.log(
  `faults: ${Object.entries(faults)
    .map(([name, count]) => `${count} × ${name}`)
    .join(', ')}`,
);
for (const { quantity, from, to, leaks } of growths) {
  console.log(
    `${leaks ? 'GROWS' : 'steady'}  ${quantity}: ${from.toFixed(0)} to ${to.toFixed(0)} over the second half`,
  );
}
for (const what of wrong.slice(0, 50)) console.log(`WRONG  ${what}`);
process.exitCode = wrong.length > 0 || growths.some(({ leaks }) => leaks) ? 1 : 0;
console.log(process.exitCode === 0 ? 'All was as promised, and nothing leaks.' : 'Not all was as promised.');
