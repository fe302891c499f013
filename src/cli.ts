#!/usr/bin/env -S node --max-semi-space-size=64
/**
 * The program. Whether this Node fits is asked before anything is loaded that an older one cannot read; then the server's
 * signals are heard, before anything that takes time, so that one during startup stops it in order.
 */
import { requireNode } from '#node-version';

requireNode();
if (process.argv[2] === 'start') {
  const { stopSignals } = await import('./process/signals.js');
  stopSignals.listen();
}
await import('./cli/command-line.js');
