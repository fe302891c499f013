#!/usr/bin/env -S node --max-semi-space-size=64
/** The program. Whether this Node fits is asked before anything is loaded that an older one cannot read. */
import { requireNode } from '#node-version';

requireNode();
await import('./command-line.js');
