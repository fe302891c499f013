#!/usr/bin/env -S node --max-semi-space-size=64
/** The program. The server's signals are heard before anything else is loaded: one during startup stops it in order. */
import { stopSignals } from './process/signals.js';

if (process.argv[2] === 'start') stopSignals.listen();
await import('./command-line.js');
