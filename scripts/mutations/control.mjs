/** Faults in pauses, attempts, runs, keys, overlap, lists, bulk actions and lines of handlers. See scripts/mutations.mjs. */
import { change } from './change.mjs';

export const control = [
  {
    name: 'a job that was paused while it waited in the line starts all the same',
    changes: [change('src/scheduler/dispatch.ts', ' || isHeld(job.state)) return undefined;', ') return undefined;')],
  },
  {
    name: 'the pause of a type holds only once it is on disk, and a start meanwhile does not see it',
    test: 'scheduler/pauses',
    changes: [
      change(
        'src/domain/control/settings.ts',
        'return [gathered, written, onDisk ?? {}].filter((each) => each !== undefined);',
        'return onDisk === undefined ? nothingSet : [onDisk];',
      ),
    ],
  },
  {
    name: 'a restart forgets that the server is paused',
    changes: [
      change('src/store/format/settings.ts', 'server === undefined ? puts : [...puts, put(serverKey, server)]', 'puts'),
    ],
  },
  {
    name: 'a pause does not come to the disk with its job',
    changes: [change('src/store/format/detail.ts', '...(pause !== null && { pause })', '...{}')],
  },
  {
    name: 'an extra occurrence takes the place of the next slot',
    changes: [
      change(
        'src/domain/slots/schedule.ts',
        'if (kept !== 0 && dueOf(spec, kept) > now) return',
        'if (kept < 0) return',
      ),
    ],
  },
  {
    name: 'a snoozed attempt uses a retry',
    changes: [
      change(
        'src/domain/control/snoozing.ts',
        '{ due, interruptions: 0,',
        '{ due, retryCount: state.retryCount + 1, interruptions: 0,',
      ),
    ],
  },
  {
    name: 'what an attempt has enqueued is made in a commit after that of its success',
    changes: [
      change(
        'src/scheduler/attempts/attempts.ts',
        'if (drafts.length > 0) makeEnqueued(drafts, job, { ...this.#contextAt(now), trace }, this.#ports.log);',
        'const made = () => makeEnqueued(drafts, job, { ...this.#contextAt(now), trace }, this.#ports.log); this.#ledger.onEnd({ written: made });',
      ),
    ],
  },
  {
    name: 'what an attempt has enqueued is forgotten when the disk refuses its end',
    changes: [
      change(
        'src/scheduler/attempts/attempts.ts',
        "if (fact.kind === 'ended') return this.#decideEnd(fact);",
        "if (fact.kind === 'ended') return this.#decideEnd({ ...fact, drafts: [] });",
      ),
    ],
  },
  {
    name: 'a cancellation forgets what its attempt has said last of its progress',
    changes: [
      change(
        'src/scheduler/requests/requests.ts',
        'detail === job.detail ? decision : { ...decision, detail }',
        'detail === job.detail ? decision : decision',
      ),
    ],
  },
  {
    name: 'what a cancelled attempt says of its progress is not heard, whatever becomes of its cancellation',
    // It takes a cancellation, a word and a refusal within one write: the first of such lives is the 2,845th.
    test: 'scheduler/progress',
    changes: [
      change(
        'src/scheduler/attempts/attempts.ts',
        'if (job?.state.fence !== fence) continue;',
        "if (job?.state.fence !== fence || job.state.status !== 'running') continue;",
      ),
    ],
  },
  {
    name: 'an attempt whose job was cancelled makes what it has enqueued',
    changes: [
      change(
        'src/scheduler/attempts/attempts.ts',
        "if (before?.state.status !== 'running' || before.state.fence !== outcome.fence) return;",
        "if (before?.state.status === 'cancelled') makeEnqueued(drafts, before, { ...this.#contextAt(now), trace }, this.#ports.log); if (before?.state.status !== 'running' || before.state.fence !== outcome.fence) return;",
      ),
    ],
  },
  {
    name: 'a removed job leaves its result behind',
    changes: [change('src/store/trees/merge.ts', "tx.remove('details', detailKey(seq));", '')],
  },
  {
    name: 'a restart forgets that the clock was set back and jobs have not been looked at since',
    test: 'simulation/found',
    changes: [change('src/scheduler/scheduler.ts', '[start.setBack, this.#downtime', '[undefined, this.#downtime')],
  },
  {
    name: 'what an attempt enqueues takes a key between the check of a list and its making',
    test: 'scheduler/keys',
    changes: [
      change(
        'src/scheduler/scheduler.ts',
        '!this.#hasGathered && !this.#mailbox.isHalfway && this.#ports',
        '!this.#hasGathered && this.#ports',
      ),
    ],
  },
  {
    name: 'when no server ran is not on disk with the first record after',
    test: 'scheduler/hidden-downtime',
    changes: [change('src/scheduler/ledger.ts', 'this.#downtime = stretches ?? this.#downtime;', '')],
  },
  {
    name: 'a run is written over the row of the one before it',
    changes: [change('src/domain/runs/run.ts', 'return { number: number + 1, run };', 'return { number, run };')],
  },
  {
    name: 'a job starts beside an attempt of its own that has not left its thread',
    changes: [
      change(
        'src/scheduler/dispatch.ts',
        'this.#previous.keep(next, job.spec, this.#ledger.active.has(next.seq))',
        'this.#previous.keep(next, job.spec, false)',
      ),
    ],
  },
  {
    name: 'an attempt that its next slot has ended is not told',
    changes: [
      change(
        'src/scheduler/admission/overtakes.ts',
        "this.#ledger.onEnd({ written: () => this.#ports.pool.abort(seq, fence, 'cancelled') });",
        'void fence;',
      ),
    ],
  },
  {
    name: 'what waits for an attempt of its own is not in the watermark of a merge',
    test: 'scheduler/overlap',
    changes: [
      change(
        'src/scheduler/admission/previous-runs.ts',
        'for (const jobs of [this.#waiting, this.#behindOwn])',
        'for (const jobs of [this.#waiting])',
      ),
    ],
  },
  {
    name: 'a slot that waits for the end of the one before is skipped',
    test: 'scheduler/overlap',
    changes: [
      change(
        'src/domain/slots/overlap.ts',
        "status !== 'running' ? now : Math.min(now, startedAt)",
        "status !== 'running' ? now : now",
      ),
    ],
  },
  {
    name: 'a removed job leaves its runs behind',
    changes: [change('src/store/trees/merge.ts', 'if (hasRuns) removeRuns(tx, seq);', '')],
  },
  {
    name: 'the last row of a job is not known while it is being written',
    changes: [change('src/scheduler/ledger.ts', ' ?? this.#inFlight?.runs.get(seq)?.at(-1)', '')],
  },
  {
    name: 'the key of a job is not known while that is being written',
    changes: [
      change(
        'src/scheduler/ledger.ts',
        'for (const batch of [this.#filling, this.#inFlight]) if (batch?.jobKeys',
        'for (const batch of [this.#filling]) if (batch?.jobKeys',
      ),
    ],
  },
  {
    name: 'the key of a job that only the journal has is not known',
    changes: [
      change(
        'src/store/state/committed-store.ts',
        'return recent ? recent.holder : this.#state.reader.keyHolder(place);',
        'return recent?.holder ? undefined : this.#state.reader.keyHolder(place);',
      ),
    ],
  },
  {
    name: 'a job starts beside another one that had its key',
    changes: [
      change(
        'src/scheduler/admission/previous-runs.ts',
        'return running !== undefined && running !== spec.seq;',
        'return running === -1;',
      ),
    ],
  },
  {
    name: 'a job that waits for the run before it is not found after a crash',
    test: 'scheduler/replace',
    changes: [
      change(
        'src/scheduler/dispatch.ts',
        'Math.min(this.#line.earliestOf(priority), this.#previous.earliest(priority))',
        'this.#line.earliestOf(priority)',
      ),
    ],
  },
  {
    name: 'what was asked for while a job ran is forgotten when its attempt ends',
    changes: [
      change(
        'src/scheduler/outcomes.ts',
        'return takeOver(job, decide(job, outcome, now), now);',
        'return decide(job, outcome, now);',
      ),
    ],
  },
  {
    name: 'what was asked for while a job ran does not come to the disk with it',
    test: 'scheduler/replace',
    changes: [change('src/store/format/spec-codec.ts', 'fields.successor = readSuccessor(', 'readSuccessor(')],
  },
  {
    name: 'a job whose key another one has taken is tried again',
    changes: [change('src/domain/decisions.ts', '    !spec.keyLost &&\n', '')],
  },
  {
    name: 'a retry does not ask whether another job has the key',
    changes: [change('src/scheduler/requests/requests.ts', '  takeKeyAgain(job, context);\n', '')],
  },
  {
    name: 'a removed job leaves its key behind',
    changes: [
      change(
        'src/scheduler/ledger.ts',
        'this.keyHolder(place)?.seq === job.spec.seq)',
        'this.keyHolder(place)?.seq === -1)',
      ),
    ],
  },
  {
    name: 'lists do not know that a job was paused or resumed',
    changes: [
      change(
        'src/store/trees/labels/job-labels.ts',
        'return this.paused.has(seq) === (pause !== null) && known === lastOutcome;',
        'return (pause !== null || pause === null) && known === lastOutcome;',
      ),
    ],
  },
  {
    name: 'how far a bulk action is comes to the disk a batch late',
    changes: [
      change(
        'src/scheduler/bulk/bulks.ts',
        'ledger.keepBulk({ id, record, ...(jobs',
        'ledger.keepBulk({ id, record: bulk.written ?? record, ...(jobs',
      ),
    ],
  },
  {
    name: 'a job that was retried stays in the group of its failure',
    test: 'store/state/finding/finding',
    changes: [change('src/store/trees/labels/job-labels.ts', 'this.failed.delete(failure.group, seq);', '')],
  },
  {
    name: 'lines of handlers that the disk refuses are forgotten',
    changes: [change('src/store/state/job-logs.ts', 'this.#hand(this.#writing);', 'this.#hand([]);')],
  },
  {
    name: 'lines of handlers come to where backups are made of before their job does',
    changes: [change('src/store/trees/engine.ts', 'this.checkpoint();\n    return this.#logs', 'return this.#logs')],
  },
  {
    name: 'lines that the disk has refused are written for a job that is gone',
    changes: [
      change(
        'src/store/state/job-logs.ts',
        'const there = chunks.filter(({ chunk }) => exists(chunk.seq));',
        'const there = [...chunks];',
      ),
    ],
  },
  {
    name: 'a removed job leaves its lines behind',
    changes: [change('src/store/trees/merge.ts', 'if (hasLogs) removeLogs(tx, seq);', '')],
  },
  {
    name: 'the oldest lines of an attempt go while those behind them are fewer than may be',
    test: 'store/state/job-logs',
    changes: [
      change(
        'src/store/trees/job-logs.ts',
        'isFull({ lines: size.lines - oldest.lines,',
        'isFull({ lines: size.lines,',
      ),
    ],
  },
];
