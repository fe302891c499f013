/**
 * `npm run soak -- --minutes 10 --rate 500 --seed 1 --fault-every 20`: see `soak`. Prints a line every five seconds and a verdict; the exit
 * code is 1 when something was wrong or leaks.
 */
import { parseArgs } from 'node:util';
import { soak } from './soak.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    'fault-every': { type: 'string', default: '20' },
  },
});
const plan = {
  minutes: Number(values.minutes),
  perSecond: Number(values.rate),
  seed: Number(values.seed),
  faultEverySeconds: Number(values['fault-every']),
};
if (Object.values(plan).some((value) => !(value > 0))) {
  console.error('--minutes, --rate, --seed and --fault-every are numbers above 0');
  process.exit(2);
}
const { growths, tally, faults, events, wrong } = await soak({ ...plan, print: (text) => console.log(text) });
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
