/** Faults in deciding, starting and indexing jobs. See scripts/mutations.mjs. */
import { change } from './change.mjs';

export const jobs = [
  {
    name: 'what is late is taken for missed',
    changes: [
      change('src/scheduler/dispatch.ts', 'const resumedAt = this.#downtime.endOf(due);', 'const resumedAt = now;'),
    ],
  },
  {
    name: 'a slot that a clock which was ahead has passed runs again when it was set back',
    changes: [change('src/domain/slots/reschedule.ts', '.slice(-rangesKept);', '.slice(0, 0);')],
  },
  {
    name: 'a bitmap is not updated: a job that moves on stays in the set of its old status',
    changes: [
      change('src/store/trees/job-sets.ts', 'this.#change(block, number, setOfStatus(before), low, false);', ''),
    ],
  },
  {
    name: 'a set that a job has left is not saved',
    changes: [change('src/store/trees/job-sets.ts', 'if (one.changed) return;', 'if (one.changed || !isIn) return;')],
  },
  {
    name: 'a merge skips a record of the log',
    changes: [
      change(
        'src/store/trees/engine.ts',
        'this.#changes.add(new LogRecordReader(batch.position, record));',
        'if (batch.position % 16 !== 0) this.#changes.add(new LogRecordReader(batch.position, record));',
      ),
    ],
  },
  {
    name: 'replay begins one record too late',
    changes: [change('src/store/log/records.ts', 'behind + 1;', 'behind + 2;')],
  },
  {
    name: 'a merge moves the log position first and not last',
    changes: [
      change('src/store/trees/merge.ts', '  yield* dueSlices(changes, order.position);\n', ''),
      change(
        'src/store/trees/merge.ts',
        "encodeMeta(mark, 'mark'));\n",
        "encodeMeta(mark, 'mark'));\n  yield* dueSlices(changes, order.position);\n",
      ),
    ],
  },
  {
    name: 'replay takes the saved sets to be of one instant',
    changes: [change('src/store/state/restore.ts', 'sets.place(seq,', 'sets.set(seq,')],
  },
  {
    name: 'a bucket of the due index is dropped while a job of it is to come',
    changes: [
      change('src/store/trees/due-index.ts', ': bucketOf(watermark, lane);', ': bucketOf(watermark, lane) + 1;'),
    ],
  },
  {
    name: 'runs of the due index that become one are gone',
    changes: [
      change(
        'src/store/trees/due-index.ts',
        "for (const chunk of one) tx.put('due', chunk.key, chunk.value);",
        'void one;',
      ),
    ],
  },
  {
    name: 'the watermark of a merge forgets jobs whose start is not on disk',
    changes: [
      change('src/scheduler/merging.ts', 'Math.min(earliest, waiting, unsaved)', 'Math.min(earliest, waiting)'),
    ],
  },
  {
    name: 'the window reads on in the due index from before a merge',
    changes: [change('src/timer/window.ts', 'if (this.#edge !== everything) this.#source.seek(this.#edge);', '')],
  },
  {
    name: 'a detail that is being merged is not seen',
    changes: [change('src/store/state/memtable.ts', ' ?? this.#merging?.details.get(seq)', '')],
  },
  {
    name: 'an answer before the commit',
    changes: [
      change(
        'src/scheduler/ledger.ts',
        'if (batch) batch.answerWhenWritten(reply, answer);',
        'if (batch) reply(answer);',
      ),
    ],
  },
  {
    name: 'a job that comes due while its change is being written is not looked for again should that be refused',
    // It takes a change, its due time and a refusal within one write: too rare for lives that are drawn.
    test: 'scheduler/refused-writes',
    changes: [
      change(
        'src/scheduler/batch.ts',
        "if (job?.state.status === 'pending')",
        "if (job?.state.status === 'pending' && decision.state.status === 'running')",
      ),
    ],
  },
  {
    name: 'a job starts with an update that is not on disk',
    changes: [
      change('src/scheduler/ledger.ts', 'this.#touched(seq) ? undefined : this.#read.read(seq)', 'this.lookup(seq)'),
    ],
  },
  {
    name: 'a decision on the state before the batch that is being written',
    changes: [
      change(
        'src/scheduler/ledger.ts',
        'return this.#filling.touched.get(seq) ?? this.#inFlight?.touched.get(seq);',
        'return this.#filling.touched.get(seq);',
      ),
    ],
  },
  {
    name: 'an idempotency key is not known while its job is being written',
    changes: [change('src/scheduler/ledger.ts', ' ?? this.#inFlight?.keys.get(name)', '')],
  },
  {
    name: 'a refused batch leaves a gap in the events',
    changes: [change('src/scheduler/ledger.ts', 'this.#counters = { ...this.#committed };', '')],
  },
  {
    name: 'an outcome is forgotten when the disk refuses it',
    changes: [
      change(
        'src/scheduler/scheduler.ts',
        'for (const fact of facts) this.#attempts.decideAgain(fact);',
        "for (const fact of facts) if (fact.kind === 'started') this.#attempts.decideAgain(fact);",
      ),
    ],
  },
  {
    name: 'the outcome of an attempt that is no longer the job’s is accepted',
    changes: [
      change(
        'src/scheduler/attempts/attempts.ts',
        'const isCurrent = job?.state.fence === reported.fence;',
        'const isCurrent = job !== undefined;',
      ),
      change('src/scheduler/attempts/attempts.ts', ' || before.state.fence !== outcome.fence) return;', ') return;'),
    ],
  },
  {
    name: 'what was read of a job is not forgotten when it changes',
    changes: [
      change('src/scheduler/ledger.ts', 'if (job) this.#read.delete(job.spec.seq);\n    else this', 'if (!job) this'),
      change(
        'src/scheduler/ledger.ts',
        'this.#read.delete(job.spec.seq);\n    this.#filling.remove',
        'this.#filling.remove',
      ),
    ],
  },
  {
    name: 'a job starts 5 ms early and says that it did not',
    changes: [
      change('src/scheduler/dispatch.ts', 'this.#ports.window.pop(now, this', 'this.#ports.window.pop(now + 5, this'),
      change('src/scheduler/dispatch.ts', 'if (due > now) {', 'if (due > now + 5) {'),
      change('src/domain/decisions.ts', 'after.startedAt = now;', 'after.startedAt = Math.max(now, state.due);'),
    ],
  },
  {
    name: 'a cron slot fires twice',
    changes: [
      change(
        'src/domain/slots/schedule.ts',
        'nextSlot(spec, hasRunFor(spec, latest) ? now : Math.max(now, latest));',
        'nextSlot(spec, hasRunFor(spec, latest) ? now : Math.max(now, latest) - 1);',
      ),
    ],
  },
  {
    name: 'a job that has waited in the line starts after it has expired',
    changes: [
      change('src/scheduler/dispatch.ts', 'if (this.#expiry.expire(job, now)) return undefined;', ''),
      change('src/scheduler/scheduler.ts', 'if (expires) this.#dispatch.expireDue();', 'void expires;'),
    ],
  },
  {
    name: 'deadlines are not in the due index',
    changes: [
      change(
        'src/store/trees/pending.ts',
        'for (const deadline of record.deadlines()) this.deadlines.push(deadline);',
        '',
      ),
    ],
  },
  {
    name: 'what waits goes by due time alone, whatever its priority',
    changes: [
      change('src/scheduler/admission/waiting-line.ts', 'rank.priority > priority ||', ''),
      change('src/scheduler/admission/waiting-line.ts', '|| rank.priority < priority) continue', ') continue'),
    ],
  },
  {
    name: 'a group keeps its turn when one of its jobs has started',
    changes: [
      change(
        'src/scheduler/admission/group-turns.ts',
        'this.leave(queue);\n    this.enter(queue);\n    this.#openJobs',
        'this.#openJobs',
      ),
    ],
  },
  {
    name: 'a type keeps its turn when one of its jobs has started',
    changes: [change('src/scheduler/admission/waiting-line.ts', 'lane.shared.lastTurn = ++this.#places.turns;', '')],
  },
  {
    name: 'what is due behind enough of another type, or of another group, has no turn',
    changes: [
      change(
        'src/scheduler/dispatch.ts',
        'return !this.#fair.holds && this.#line.startable(priority + 1) <= free;',
        'return false;',
      ),
    ],
  },
  {
    name: 'a job that was cancelled while it waited is taken for one that waits',
    test: 'scheduler/turns',
    changes: [change('src/scheduler/admission/waiting-line.ts', 'this.#lanes.get(name)?.known.delete(seq);', '')],
  },
  {
    name: 'a job that waits for a run before it is taken for one in the line',
    test: 'scheduler/turns',
    changes: [change('src/scheduler/dispatch.ts', ' - this.#previous.waitingOf(name)', '')],
  },
  {
    name: 'what takes the place of jobs whose changes are being written has no turn',
    test: 'scheduler/turns',
    changes: [change('src/scheduler/dispatch.ts', 'if (this.#wantsMore()) this.#looksLeft = 0;', '')],
  },
  {
    name: 'a group runs one attempt more than it may',
    changes: [change('src/scheduler/admission/admission.ts', 'return running < limit;', 'return running <= limit;')],
  },
  {
    name: 'a place that was given over nodes is one for every job of its group',
    test: 'simulation/cluster/limits',
    changes: [change('src/scheduler/admission/groups.ts', 'if (use.given > 0) use.given--;', '')],
  },
  {
    name: 'a restart does not count as a start of a type that has a rate',
    changes: [
      change(
        'src/scheduler/admission/pacer.ts',
        'return start + this.#pace.gapMs + this.#pace.toleranceMs;',
        'return start;',
      ),
    ],
  },
  {
    name: 'a repeating job runs once more than it may',
    changes: [change('src/domain/slots/schedule.ts', 'runCount >= maxRuns', 'runCount > maxRuns')],
  },
  {
    name: 'a cancellation does not reach the attempt that runs',
    changes: [
      change(
        'src/scheduler/requests/requests.ts',
        "if (job.state.status === 'running') ledger.onEnd({ written: () => context.abort(job) });",
        '',
      ),
    ],
  },
  {
    name: 'a type runs one attempt more than it may',
    changes: [change('src/scheduler/admission/admission.ts', 'running >= concurrency', 'running > concurrency')],
  },
  {
    name: 'the line keeps the handlers that there were before they were read anew',
    changes: [change('src/scheduler/scheduler.ts', 'this.#dispatch.handlersChanged();', '')],
  },
  {
    name: 'retention takes a job that was retried and is to run',
    changes: [
      change(
        'src/scheduler/retention.ts',
        '!job || !isFinished(job.state.status) || job.state.finishedAt !== finishedAt',
        '!job',
      ),
    ],
  },
  {
    name: 'attempts that a crash interrupted are taken up only if the first write succeeds',
    changes: [change('src/scheduler/scheduler.ts', 'if (!this.recovered) this.recover();', '')],
  },
  {
    name: 'after a crash everything starts at once, before it is on record',
    changes: [
      change(
        'src/scheduler/admission/careful-start.ts',
        'return this.#applies && seq < this.#firstNewSeq &&',
        'return !this.#applies && seq < this.#firstNewSeq &&',
      ),
    ],
  },
  {
    name: 'a suspect waits with threads free because one before it has moved on',
    changes: [
      change('src/scheduler/dispatch.ts', 'if (!job || this.#previous', 'if (!job) return; if (this.#previous'),
    ],
  },
  {
    name: 'the place of a start that is being written is given away',
    changes: [
      change(
        'src/scheduler/dispatch.ts',
        'this.#ports.pool.free - this.#places.beingWritten;',
        'this.#ports.pool.free;',
      ),
    ],
  },
  {
    name: 'a crash is taken for a stop in order',
    changes: [change('src/store/trees/engine.ts', '    this.markClean(false);\n', '')],
  },
];
