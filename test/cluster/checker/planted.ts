/** Violations to be planted into a history that has none, of each promise: what the checker must find. */
import type { Random } from '../../simulation/random.js';
import type { PromiseName } from './check.js';
import type { Began, Found, Heard, Line, Message, Told } from './lines.js';

/** A fault of a server, as clients and handlers would have noted it. Undefined where this history has no place for it. */
export interface Fault {
  readonly promise: PromiseName;
  readonly plant: (lines: readonly Line[], random: Random) => Line[] | undefined;
}

type Of<Kind extends Line['line']> = Extract<Line, { line: Kind }>;

function some<Kind extends Line['line']>(
  lines: readonly Line[],
  random: Random,
  kind: Kind,
  such: (line: Of<Kind>) => boolean = () => true,
): Of<Kind> | undefined {
  const found = lines.filter((line): line is Of<Kind> => line.line === kind && such(line as Of<Kind>));
  return found.length === 0 ? undefined : random.pick(found);
}

const without = (lines: readonly Line[], gone: Line): Line[] => lines.filter((line) => line !== gone);
const instead = (lines: readonly Line[], old: Line, line: Line): Line[] =>
  lines.map((each) => (each === old ? line : each));

/** A plant that changes one line. */
function changing<Kind extends Line['line']>(
  kind: Kind,
  such: (line: Of<Kind>) => boolean,
  change: (line: Of<Kind>) => Line,
): Fault['plant'] {
  return (lines, random) => {
    const line = some(lines, random, kind, such);
    return line && instead(lines, line, change(line));
  };
}

const succeeded = ({ job }: Found): boolean => job.status === 'success';
const withJobs = ({ jobs }: Told): boolean => jobs !== undefined;
const attemptsOf = (lines: readonly Line[], job: string): Began[] =>
  lines.filter((line): line is Began => line.line === 'began' && line.job === job).sort((a, b) => a.at - b.at);

export const faults: Readonly<Record<string, Fault>> = {
  'an acknowledged job is gone': {
    promise: 'acknowledged',
    plant: (lines, random) => {
      const told = some(lines, random, 'told', withJobs);
      const found = told && lines.find((line) => line.line === 'found' && line.job.id === told.jobs?.[0]?.id);
      return found && without(lines, found);
    },
  },
  'a job has the payload of another': {
    promise: 'acknowledged',
    plant: (lines, random) => {
      const told = some(lines, random, 'told', withJobs);
      const found = lines.find((line): line is Found => line.line === 'found' && line.job.id === told?.jobs?.[0]?.id);
      return found && instead(lines, found, { ...found, job: { ...found.job, payload: { token: 'other' } } });
    },
  },
  'a cancellation is forgotten': {
    promise: 'cancelled',
    plant: changing(
      'found',
      ({ job }) => job.status === 'cancelled',
      (found) => ({ ...found, job: { ...found.job, status: 'pending' } }),
    ),
  },
  'a cancelled job begins': {
    promise: 'cancelled',
    plant: (lines, random) => {
      const cancelled = some(lines, random, 'found', ({ job }) => job.status === 'cancelled');
      return cancelled && [...lines, began(cancelled)];
    },
  },
  'an idempotency key made two jobs': {
    promise: 'keys',
    plant: (lines, random) => {
      const asked = some(lines, random, 'asked', ({ jobs }) => jobs?.[0]?.idempotencyKey !== undefined);
      const told = lines.find((line) => line.line === 'told' && line.request === asked?.request);
      const again = asked && { ...asked, at: asked.at + 0.5, request: 'again' };
      return (
        again &&
        told && [
          ...lines,
          again,
          { ...(told as Told), at: again.at, request: 'again', jobs: [{ id: 'job_x', due: 0 }] },
        ]
      );
    },
  },
  'a request whose answer was lost was carried out twice': {
    promise: 'keys',
    plant: (lines, random) => {
      const found = some(lines, random, 'found', ({ job }) => job.name === 'witness');
      return found && [...lines, { ...found, job: { ...found.job, id: 'job_x' } }];
    },
  },
  'two jobs have one key at a time': {
    promise: 'keys',
    plant: (lines, random) => {
      const found = some(lines, random, 'found', ({ job }) => job.key !== undefined);
      const { created_at } = found?.job ?? { created_at: '' };
      const job = found && {
        ...found.job,
        id: 'job_x',
        created_at,
        payload: { token: 'other' },
        status: 'pending' as const,
      };
      return job && [...lines, { line: 'found', at: found.at, job }];
    },
  },
  'a child is lost': {
    promise: 'children',
    plant: (lines, random) => {
      const child = some(lines, random, 'found', ({ job }) => job.parent_id !== undefined);
      return child && without(lines, child);
    },
  },
  'an attempt that failed leaves a child': {
    promise: 'children',
    plant: (lines, random) => {
      const parent = some(lines, random, 'found', ({ job }) => job.status === 'failed');
      const attempt = parent && attemptsOf(lines, parent.job.id).find(({ children }) => children === undefined);
      if (attempt === undefined) return undefined;
      const job = {
        ...parent!.job,
        id: 'job_x',
        parent_id: parent!.job.id,
        payload: { token: 'left' },
        status: 'pending' as const,
      };
      return [...instead(lines, attempt, { ...attempt, children: ['left'] }), { line: 'found', at: parent!.at, job }];
    },
  },
  'a child has another parent': {
    promise: 'children',
    plant: changing(
      'found',
      ({ job }) => job.parent_id !== undefined,
      (found) => ({ ...found, job: { ...found.job, parent_id: 'job_x' } }),
    ),
  },
  'an attempt begins too early': {
    promise: 'due',
    plant: changing(
      'began',
      () => true,
      (attempt) => ({ ...attempt, wall: attempt.scheduledFor - 1 }),
    ),
  },
  'a job begins before the time that was acknowledged': {
    promise: 'due',
    plant: (lines, random) => {
      const told = some(lines, random, 'told', withJobs);
      const attempt = told && attemptsOf(lines, told.jobs![0]!.id)[0];
      const wall = told && told.jobs![0]!.due! - 5;
      return attempt && instead(lines, attempt, { ...attempt, wall: wall!, scheduledFor: wall! });
    },
  },
  'a retry begins too early': {
    promise: 'due',
    plant: (lines, random) => {
      const retry = some(lines, random, 'began', ({ number, job, at }) => {
        const first = attemptsOf(lines, job).find((each) => each.number === number);
        return number > 1 && first?.at === at;
      });
      const told = lines.find(
        ({ line, ...rest }) =>
          line === 'heard' &&
          (rest as Heard).message.job_id === retry?.job &&
          (rest as Heard).message.metadata?.retry_count === retry!.number - 1 &&
          (rest as Heard).message.type === 'job.retrying' &&
          !(rest as Heard).message.metadata?.interrupted,
      ) as Heard | undefined;
      if (retry === undefined || told === undefined) return undefined;
      return instead(lines, retry, { ...retry, wall: Date.parse(String(told.message.metadata!.next_retry_at)) - 1 });
    },
  },
  'what has succeeded runs again': {
    promise: 'once',
    plant: (lines, random) => {
      const found = some(lines, random, 'found', succeeded);
      return found && [...lines, began(found)];
    },
  },
  'a success that was told is forgotten': {
    promise: 'once',
    plant: changing('found', succeeded, (found) => ({ ...found, job: { ...found.job, status: 'pending' } })),
  },
  'a slot succeeds twice': {
    promise: 'once',
    plant: changing('found', succeeded, (found) => ({ ...found, runs: [...found.runs!, found.runs![0]!] })),
  },
  'the outcome of an attempt that a crash cut short counts': {
    promise: 'outcome',
    plant: (lines, random) => {
      const found = some(
        lines,
        random,
        'found',
        (each) => succeeded(each) && attemptsOf(lines, each.job.id).length > 1,
      );
      const { attempt } = (found && attemptsOf(lines, found.job.id)[0]) ?? {};
      return found && instead(lines, found, { ...found, job: { ...found.job, result: { attempt } } });
    },
  },
  'a failure of an attempt before counts': {
    promise: 'outcome',
    plant: (lines, random) => {
      const first = (job: string | undefined): string => attemptsOf(lines, job!)[0]!.attempt;
      const failed = some(
        lines,
        random,
        'heard',
        ({ message: { type, job_id, data } }) => type === 'job.failed' && !data!.error!.includes(`${first(job_id)} `),
      );
      return (
        failed && toldInstead(lines, failed, { data: { error: `attempt ${first(failed.message.job_id)} failed` } })
      );
    },
  },
  'an event is lost': {
    promise: 'events',
    plant: (lines, random) => {
      const heard = some(lines, random, 'heard', (each) => isBetween(lines, each));
      return heard && without(lines, heard);
    },
  },
  'an event comes twice': {
    promise: 'events',
    plant: (lines, random) => {
      const heard = some(lines, random, 'heard');
      return heard && [...lines, { ...heard, at: heard.at + 0.5 }];
    },
  },
  'a number is given twice': {
    promise: 'events',
    plant: changing(
      'heard',
      () => true,
      (heard) => ({ ...heard, message: { ...heard.message, job_id: 'job_x' } }),
    ),
  },
  'a subscriber is told of a gap': {
    promise: 'events',
    plant: (lines) => [...lines, { line: 'heard', at: 1, subscriber: 'first', message: { type: 'gap' } }],
  },
  'a job that runs is started once more': {
    promise: 'events',
    plant: (lines, random) => {
      const completed = some(lines, random, 'heard', ({ message }) => message.type === 'job.completed');
      return completed && toldInstead(lines, completed, { type: 'job.started' });
    },
  },
  'what is due does not run': {
    promise: 'settled',
    plant: changing(
      'found',
      ({ job }) => job.status === 'failed',
      (found) => ({ ...found, job: { ...found.job, status: 'running' } }),
    ),
  },
};

/** All subscribers are told something else under that number. */
function toldInstead(lines: readonly Line[], { message: { shard, seq } }: Heard, change: Partial<Message>): Line[] {
  return lines.map((line) =>
    line.line === 'heard' && line.message.seq === seq && line.message.shard === shard
      ? { ...line, message: { ...line.message, ...change } }
      : line,
  );
}

/** An attempt that begins when all is over. */
function began({ at, job }: Found): Began {
  const scheduledFor = Date.parse(job.trigger_at);
  return {
    line: 'began',
    at,
    wall: scheduledFor + 1e7,
    node: 'node-1',
    attempt: 'late',
    job: job.id,
    number: 1,
    scheduledFor,
  };
}

/** The same subscriber has heard events of that shard before and after it. */
function isBetween(lines: readonly Line[], { subscriber, message }: Heard): boolean {
  const seqs = lines.flatMap((line) =>
    line.line === 'heard' && line.subscriber === subscriber && line.message.shard === message.shard
      ? [line.message.seq!]
      : [],
  );
  return Math.min(...seqs) < message.seq! && message.seq! < Math.max(...seqs);
}
