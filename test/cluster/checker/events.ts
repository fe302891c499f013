/** What is promised about events: within a shard each comes once, in order, without a gap, and to all the same. */
import type { History } from './history.js';

export function* events(history: History): Iterable<string> {
  const last = new Map<string, number>();
  /** What was told under a number, and by whom it was heard. */
  const told = new Map<string, { text: string; subscriber: string }>();
  for (const { subscriber, message } of history.heard) {
    const { type, seq, shard = 0 } = message;
    if (type === 'gap') yield `${subscriber} was told of a gap: ${JSON.stringify(message)}`;
    if (type === 'error') yield `${subscriber} was refused: ${JSON.stringify(message)}`;
    if (!type.startsWith('job.') || seq === undefined) continue;
    const place = `${subscriber} ${shard}`;
    const before = last.get(place);
    if (before !== undefined && seq !== before + 1)
      yield `${subscriber} heard event ${seq} of shard ${shard} after event ${before}`;
    last.set(place, Math.max(seq, before ?? seq));
    const number = `${shard} ${seq}`;
    const text = JSON.stringify(message);
    const first = told.get(number);
    if (first === undefined) told.set(number, { text, subscriber });
    else if (first.text !== text)
      yield `event ${seq} of shard ${shard} was ${first.text} for ${first.subscriber}, and ${text} for ${subscriber}`;
  }
  yield* order(history);
}

/** An outcome follows a start, and a start no other. */
function* order(history: History): Iterable<string> {
  for (const [shard, heard] of history.eventsByShard()) {
    const running = new Map<string, boolean>();
    let previous: number | undefined;
    for (const { message } of heard) {
      const { type, job_id: job = '', seq = 0 } = message;
      // What nobody has heard may have been anything.
      if (previous !== undefined && seq !== previous + 1) running.clear();
      previous = seq;
      const known = running.get(job);
      if (type === 'job.started') {
        if (known === true) yield `event ${seq} of shard ${shard} starts ${job}, which runs`;
        running.set(job, true);
      } else if (type === 'job.completed') {
        if (known === false) yield `event ${seq} of shard ${shard} completes ${job}, which does not run`;
        running.set(job, false);
      } else if (type !== 'job.paused' && type !== 'job.resumed') running.set(job, false);
    }
  }
}
