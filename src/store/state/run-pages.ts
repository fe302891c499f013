/** The runs of a job as answers show them: its rows, in the trees and committed since, and what its state says of those without one. */
import { isRepeating, type Job } from '../../domain/job.js';
import { runsOfState } from '../../domain/runs/rows.js';
import { isPassedOver, type NumberedRun, runsKept } from '../../domain/runs/run.js';
import type { Queries, RunPage } from '../queries-port.js';
import { runsIn } from '../trees/runs.js';
import type { CommittedState } from './committed-state.js';

type Source = Pick<CommittedState, 'reader' | 'recent'>;

/** @param query as `Queries.runs` @throws DamagedRecord, NewerRecord */
export function runPage(
  job: Job,
  source: Source,
  { limit, before = Number.POSITIVE_INFINITY }: Parameters<Queries['runs']>[1],
): RunPage {
  const all = allRuns(job, source);
  const from = all.filter(({ number }) => number < before);
  const runs = from.slice(0, limit);
  const last = runs.at(-1);
  return { total: all.length, runs, ...(from.length > limit && last && { nextBefore: last.number }) };
}

/** The newest first. */
function allRuns(job: Job, { reader, recent }: Source): NumberedRun[] {
  const { spec, state } = job;
  const rows = new Map(runsIn(reader.kv, spec.seq).map((row) => [row.number, row]));
  for (const row of recent.runs.of(spec.seq)) rows.set(row.number, row);
  const sorted = [...rows.values()].sort((a, b) => b.number - a.number);
  // The trees may have a commit that has not been reported yet: the state is as it was before.
  const ended = state.status === 'running' ? state.fence - 1 : state.fence;
  const ahead = sorted.findLastIndex(({ run }) => !isPassedOver(run) && run.run > ended);
  const known = sorted.slice(ahead + 1);
  const last = known[0]?.number ?? 0;
  const rowsOf = known.map(({ run }) => run);
  const ofState = runsOfState(job, rowsOf).map((run, at) => ({ number: last + 1 + at, run }));
  return [...ofState.reverse(), ...known.filter(({ number }) => number > last - runsKept(isRepeating(spec)))];
}
