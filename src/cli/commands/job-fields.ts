/** The options that stand for fields of a job, in requests that make one and that change one. */
import { InvalidArgumentError, Option } from 'commander';
import { orNone, orNull } from '../option-values.js';

interface JobField {
  readonly flags: string;
  /** As in the REST API. */
  readonly field: string;
  readonly description: string;
  readonly read?: (text: string) => unknown;
  /** It cannot be changed. */
  readonly fixed?: true;
  readonly choices?: readonly string[];
  /** An update may take it away. */
  readonly removable?: true;
  /** Names of options that it does not go with. */
  readonly conflicts?: string[];
}

/** Whether a value is allowed is the server's to say, who knows its bounds; here texts only become what JSON has for them. */
const fields: readonly JobField[] = [
  {
    flags: '--delay <duration>',
    field: 'delay',
    description: 'run so long from now: 90s, 10m, 1h30m',
    conflicts: ['at', 'cron'],
  },
  {
    flags: '--at <instant>',
    field: 'trigger_at',
    description: 'run then: 2030-01-31T09:00:00+01:00',
    conflicts: ['cron'],
  },
  {
    flags: '--cron <expression>',
    field: 'cron_expr',
    description: 'run at the next time that fits; with --repeat each time',
  },
  { flags: '--timezone <name>', field: 'timezone', description: 'zone of the cron expression' },
  {
    flags: '--repeat',
    field: 'is_repeat',
    description: 'run again and again, by the cron expression or each delay',
    fixed: true,
  },
  {
    flags: '--payload <json>',
    field: 'payload',
    description: 'what the handler gets: a JSON object, @file, or - for standard input',
  },
  {
    flags: '--max-retries <number>',
    field: 'max_retries',
    description: 'how often it is tried again after a failure',
    read: number,
  },
  { flags: '--retry-delay <duration>', field: 'retry_delay', description: 'how long the first retry waits' },
  {
    flags: '--backoff <kind>',
    field: 'backoff',
    description: 'how the wait of retries grows',
    choices: ['exponential', 'fixed'],
  },
  { flags: '--timeout <duration>', field: 'timeout', description: 'how long an attempt may take' },
  {
    flags: '--misfire <policy>',
    field: 'misfire',
    description: 'what becomes of times that passed while the server was down',
    choices: ['run_once', 'skip'],
  },
  {
    flags: '--priority <number>',
    field: 'priority',
    description: 'of jobs that are due the larger starts first: -100 to 100',
    read: signed,
    removable: true,
  },
  {
    flags: '--tags <tags>',
    field: 'tags',
    description: 'what it is marked with, several with commas',
    read: (text) => text.split(','),
    removable: true,
  },
  {
    flags: '--group <name>',
    field: 'group',
    description: 'a tenant, an account: waiting groups of one type take turns',
    removable: true,
  },
  {
    flags: '--expires-after <duration>',
    field: 'expires_after',
    description: 'do not start it later than that after it was due',
    removable: true,
  },
  {
    flags: '--max-retry-delay <duration>',
    field: 'max_retry_delay',
    description: 'how long a retry waits at most',
    removable: true,
  },
  {
    flags: '--retry-jitter <fraction>',
    field: 'retry_jitter',
    description: 'retries wait longer by a random part of up to this fraction',
    read: fraction,
    removable: true,
  },
  {
    flags: '--start-at <instant>',
    field: 'start_at',
    description: 'with --repeat: not before this',
    removable: true,
  },
  { flags: '--end-at <instant>', field: 'end_at', description: 'with --repeat: not after this', removable: true },
  {
    flags: '--max-runs <number>',
    field: 'max_runs',
    description: 'with --repeat: at most so often',
    read: number,
    removable: true,
  },
  {
    flags: '--overlap <policy>',
    field: 'overlap',
    description: 'with --repeat: what becomes of a time that comes while the run before goes on',
    choices: ['skip', 'queue', 'cancel_running'],
  },
  {
    flags: '--jitter <duration>',
    field: 'jitter',
    description: 'with --repeat: start later by a part of this, another one each time',
    removable: true,
  },
  { flags: '--key <key>', field: 'key', description: 'what names it within its type: one job per key', fixed: true },
  {
    flags: '--if-exists <policy>',
    field: 'if_exists',
    description: 'with --key: what is done when the key is taken',
    fixed: true,
    choices: ['reject', 'return', 'replace'],
  },
  {
    flags: '--key-ttl <duration>',
    field: 'key_ttl',
    description: 'with --key: keep it taken at least so long',
    fixed: true,
  },
];

/** In place of a value, in an update: the field is taken away. */
function number(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}

function signed(text: string): number {
  return text.startsWith('-') ? -number(text.slice(1)) : number(text);
}

function fraction(text: string): number {
  if (/^\d*\.?\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a number such as 0.5.');
}

/** Options of `jobs add`, or of `jobs update`. */
export function jobFieldOptions(use: 'add' | 'update' = 'add'): Option[] {
  return fields
    .filter(({ fixed }) => use === 'add' || !fixed)
    .map(({ flags, description, read, choices, removable, conflicts = [] }) => {
      const mayGo = use === 'update' && removable === true;
      const option = new Option(flags, mayGo ? `${description}; none takes it away` : description).conflicts(conflicts);
      if (mayGo) option.argParser(orNone((text) => read?.(text) ?? text));
      else if (read) option.argParser(read);
      return choices ? option.choices(choices) : option;
    });
}

/** What the options are called, by the names of the fields. */
export const jobFieldNames: Readonly<Record<string, string>> = Object.fromEntries([
  ...fields.map(({ flags, field }) => [field, flags.split(' ')[0] as string] as const),
  ['name', 'the type'],
]);

/** Whether it is said when the job is to run. */
export function saysWhen(body: Readonly<Record<string, unknown>>): boolean {
  return body.delay !== undefined || body.trigger_at !== undefined || body.cron_expr !== undefined;
}

/** The body of a request from what commander read; the payload is left as text. */
export function fieldsOf(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const { flags, field } of fields) {
    const value = options[new Option(flags).attributeName()];
    if (value !== undefined) body[field] = orNull(value);
  }
  return body;
}
