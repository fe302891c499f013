/** The process that a trial runs in: its argument is a directory. See `trial`. */
import { openOnTrial } from './trial.js';

const [, , directory] = process.argv;
if (directory === undefined || !process.send) throw new Error('this file runs in a process that a start begins');
await openOnTrial(directory);
process.disconnect();
