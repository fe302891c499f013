/** The options that stand for fields of a job, in requests that make one and that change one. */
import { InvalidArgumentError, Option } from 'commander';

interface JobField {
  readonly flags: string;
  /** As in the REST API. */
  readonly field: string;
  readonly description: string;
  readonly read?: (text: string) => unknown;
  /** It cannot be changed. */
  readonly fixed?: true;
  readonly choices?: readonly string[];
}

/** Whether a value is allowed is the server's to say, who knows its bounds; here texts only become what JSON has for them. */
const fields: readonly JobField[] = [
  { flags: '--delay <duration>', field: 'delay', description: 'run so long from now: 90s, 10m, 1h30m' },
  { flags: '--at <instant>', field: 'trigger_at', description: 'run then: 2030-01-31T09:00:00+01:00' },
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
];

function number(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}

/** Options of `jobs add`, or of `jobs update`. */
export function jobFieldOptions(use: 'add' | 'update' = 'add'): Option[] {
  return fields
    .filter(({ fixed }) => use === 'add' || !fixed)
    .map(({ flags, description, read, choices }) => {
      const option = new Option(flags, description);
      if (read) option.argParser(read);
      return choices ? option.choices(choices) : option;
    });
}

/** The body of a request from what commander read; the payload is left as text. */
export function fieldsOf(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const { flags, field } of fields) {
    const value = options[new Option(flags).attributeName()];
    if (value !== undefined) body[field] = value;
  }
  return body;
}
