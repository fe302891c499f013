import { spawnSync } from 'node:child_process';

/** Holds its thread for `ms` milliseconds outside of JavaScript, where nothing can interrupt it. */
export default async ({ ms }) => {
  await null;
  spawnSync('sleep', [String(ms / 1000)]);
};
