/**
 * Deliberate faults of the server, which the simulation must find. Each changes a few words of a source file; the words to
 * replace must be there exactly once (test/scripts/mutations.test.ts), so that the list keeps up with the code.
 *
 * A fault: `name`, as the table in docs/testing.md has it, `changes`, each `{ file, find, replace }`, and perhaps the `test` that finds it.
 */

const change = (file, find, replace) => ({ file, find, replace });

export const mutations = [
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
  {
    name: 'a checkpoint begins the journal anew and brings nothing into the log',
    changes: [
      change('src/store/log/journaled-log.ts', 'if (this.#recent.length > 0) this.#log.appendAll(this.#recent);', ''),
    ],
  },
  {
    name: 'a start does not take up what only the journal has',
    changes: [change('src/store/log/journal.ts', 'behind.push(entry.batch);', '{}')],
  },
  {
    name: 'a torn entry of the journal is taken for whole',
    changes: [
      change(
        'src/store/format/journal/entry.ts',
        'if (end > journal.length || getU32(start, head.crc) !== crc32(journal.subarray(at + head.salt, end)))',
        'if (end > journal.length)',
      ),
    ],
  },
  {
    name: 'the next entry of the journal is written over the last one',
    changes: [change('src/store/log/journal.ts', 'this.#next += bytes / blockBytes;', '')],
  },
  {
    name: 'a spec that only the journal has is not found',
    changes: [change('src/store/state/memtable.ts', ' ?? this.#recent.spec(seq)', '')],
  },
  {
    name: 'an idempotency key that only the journal has is not known',
    changes: [
      change(
        'src/store/state/committed-store.ts',
        'return recent && isRemembered(recent, now) ? recent : this.#state.reader.keyUse(name, now);',
        'return this.#state.reader.keyUse(name, now);',
      ),
    ],
  },
  {
    name: 'a record that the store has before its commit was told of is not read from there',
    changes: [
      change(
        'src/store/state/recent-commits.ts',
        'return recent ?? this.#below.read(position);',
        'return position < first ? this.#below.read(position) : recent;',
      ),
    ],
  },
  {
    name: 'a part of an own shard counts though its lease has ended on the way',
    test: 'server/peers/gathering',
    changes: [change('src/server/peers/gathering.ts', 'if (!areHeld()) {', 'if (steps === undefined && !areHeld()) {')],
  },
  {
    name: 'a node answers for shards that it does not own',
    test: 'server/peers/gathering',
    changes: [change('src/server/peers/gathering.ts', 'leases[at] !== undefined && peers.leaseOf', 'peers.leaseOf')],
  },
  {
    name: 'a search goes on behind what a slower node has not looked at',
    test: 'cluster/gathering',
    changes: [change('src/cluster/gathering/merged-search.ts', '...ends.slice(0, 1)', '...ends.slice(-1)')],
  },
  {
    name: 'a node has no more of a list than it has sent',
    test: 'cluster/gathering',
    changes: [
      change(
        'src/cluster/gathering/merged-list.ts',
        'hasMore: page.hasMore || taken < page.entries.length',
        'hasMore: page.hasMore',
      ),
    ],
  },
  {
    name: 'PostgreSQL appends under a lease that is over',
    test: 'store/postgres/pg-database',
    changes: [
      change(
        'src/store/postgres/pg/schema.ts',
        "    PERFORM 1 FROM shard WHERE shard = p_shard AND token = p_token FOR SHARE;\n    IF NOT FOUND THEN RETURN 'fenced'; END IF;\n",
        '    NULL;\n',
      ),
    ],
  },
  {
    name: 'PostgreSQL takes a slice of pages under a lease that is over',
    test: 'store/postgres/pg-database',
    changes: [
      change(
        'src/store/postgres/pg/schema.ts',
        "RETURN 'fenced'; END IF;\n  SELECT slice",
        'NULL; END IF;\n  SELECT slice',
      ),
    ],
  },
  {
    name: 'PostgreSQL trims the log past what the pages have',
    test: 'store/postgres/pg-database',
    changes: [
      change('src/store/postgres/pg/schema.ts', '(SELECT position + 1 FROM merged WHERE shard = p_shard)', 'p_before'),
    ],
  },
  {
    name: 'a record that may be there is sent again under another id',
    test: 'store/postgres/shard-log',
    changes: [
      change(
        'src/store/postgres/shard-log.ts',
        'append({ lease: this.#lease, row,',
        'append({ lease: this.#lease, row: { ...row, id: this.#ports.randomId?.() ?? row.id },',
      ),
    ],
  },
  {
    name: 'the end of an attempt counts under whatever epoch that has begun',
    test: 'cluster/moves',
    changes: [
      change(
        'src/cluster/moves/remote-attempts.ts',
        'attempt?.node !== from || attempt.epoch !== epoch',
        'attempt?.node !== from || Number.isNaN(epoch)',
      ),
    ],
  },
  {
    name: 'a dump that was restored goes on with the timelines of its first database',
    test: 'store/postgres/restored',
    changes: [
      change('src/store/postgres/pg/restored.ts', "if (isOther) await client.query('SELECT begin_timelines()');", ''),
    ],
  },
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

/**
 * The source with one change made.
 *
 * @throws when the words to replace are not there exactly once
 */
export function mutate(source, { file, find, replace }) {
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`${file} has ${times} times, and not once: ${find}`);
  return source.replace(find, () => replace);
}
