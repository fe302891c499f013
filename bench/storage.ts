/**
 * The storage layout alone, by hand: how many creates and completions a second it takes, durable, at so many jobs a
 * commit, with so many jobs there. What it does is in `ceilings/storage`, which benches are held against.
 *
 *     node dist/bench/storage.js [jobs] [jobs per commit]
 */
import { measureStorage } from './ceilings/storage.js';

const jobs = Number(process.argv[2] ?? 200_000);
const perCommit = Number(process.argv[3] ?? 300);
const speed = await measureStorage({ jobs, completions: Math.min(jobs, 200_000), perCommit });
console.log(`creates: ${Math.round(speed.createsPerSecond)}/s`);
console.log(`completions, in random order of creation: ${Math.round(speed.completionsPerSecond)}/s`);
console.log(`data file: ${speed.fileMiB.toFixed(0)} MiB`);
