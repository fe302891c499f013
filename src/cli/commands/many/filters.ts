/** Options that say which jobs are meant: of lists, and of what is done with many. */
import { type Command, Option } from 'commander';
import { repeated } from '../../option-values.js';

/** By the name of the API's parameter: the option, whether it may be given several times, and what it says. */
const filters = {
  status: { flags: '--status <status>', says: 'pending, running, success, failed or cancelled; several with commas' },
  name: { flags: '--type <type>', says: 'only jobs of this type; several with commas' },
  id: { flags: '--id <id>', says: 'only the job with this id; several with commas' },
  tag: { flags: '--tag <tag>', says: 'only jobs with this tag; given several times, with all of them' },
  group: { flags: '--group <group>', says: 'only jobs of this group' },
  key: { flags: '--key <key>', says: 'only jobs that were made with this key' },
  paused: { flags: '--paused [boolean]', says: 'only jobs that are paused themselves; false: that are not' },
  is_repeat: { flags: '--repeat [boolean]', says: 'only jobs that repeat; false: that do not' },
  last_outcome: { flags: '--last-outcome <outcome>', says: 'only repeating jobs whose latest run ended so' },
  error_group: { flags: '--error-group <group>', says: 'only failed jobs of this group: see `escapement failures`' },
  created_after: { flags: '--created-after <instant>', says: 'only jobs made at this time or later' },
  created_before: { flags: '--created-before <instant>', says: 'only jobs made before this time' },
  due_after: { flags: '--due-after <instant>', says: 'only jobs due at this time or later' },
  due_before: { flags: '--due-before <instant>', says: 'only jobs due before this time' },
} as const;

type FilterName = keyof typeof filters;

function optionOf(name: FilterName): Option {
  const { flags, says } = filters[name];
  const option = new Option(flags, says);
  if (name === 'tag') return option.argParser((text, earlier?: string[]) => repeated(text, earlier ?? []));
  if (name === 'paused' || name === 'is_repeat') return option.choices(['true', 'false']).preset('true');
  return name === 'last_outcome' ? option.choices(['success', 'failed']) : option;
}

const all = Object.keys(filters) as FilterName[];

/** What the options are called, by the names of the parameters. */
export const filterNames: Readonly<Record<string, string>> = Object.fromEntries(
  all.map((name) => [name, filters[name].flags.split(' ')[0] as string]),
);

/** Adds them. */
export function withFilters(command: Command): Command {
  for (const name of all) command.addOption(optionOf(name));
  return command;
}

/** The values that were given, by the name of the API's parameter. Where commas part several, they are parted. */
export function filterOf(options: Readonly<Record<string, unknown>>): Record<string, string | string[]> {
  const filter: Record<string, string | string[]> = {};
  for (const name of all) {
    const given = options[optionOf(name).attributeName()] as string | string[] | undefined;
    if (given === undefined) continue;
    const many = name === 'status' || name === 'name' || name === 'id' || name === 'tag';
    const values = many ? (typeof given === 'string' ? [given] : given).flatMap((text) => text.split(',')) : given;
    filter[name] = Array.isArray(values) && values.length === 1 ? (values[0] as string) : values;
  }
  return filter;
}
