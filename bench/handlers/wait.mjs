/** Waits so long, and needs nothing meanwhile: what a handler does that asks another server. */
import { setTimeout as sleep } from 'node:timers/promises';

export default function wait({ ms }) {
  return sleep(ms);
}
