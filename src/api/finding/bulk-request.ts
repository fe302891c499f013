/** What is to be done with many jobs, out of the body of a request. */
import type { BulkAction } from '../../domain/control/bulk.js';
import type { JobFilter } from '../../domain/finding/job-filter.js';
import { suggestion } from '../../domain/nearest.js';
import type { JobPatch } from '../../scheduler/messages.js';
import { type Faults, pointer } from '../faults.js';
import { addShapeFaults } from '../schemas.js';
import { type Rules, readPatch } from '../validate.js';
import { bulkShape } from './bulk-schema.js';
import { readFilter } from './filter.js';
import { filterNames } from './filter-schema.js';

export interface BulkDraft {
  readonly action: BulkAction;
  readonly filter: JobFilter;
  readonly askedFilter: string;
  readonly askedChange: string | undefined;
  readonly patch: JobPatch | undefined;
  readonly dryRun: boolean;
}

/** @returns undefined when faults were added */
export function readBulk(value: unknown, rules: Rules, faults: Faults): BulkDraft | undefined {
  if (!bulkShape.fits(value)) {
    addShapeFaults(bulkShape, value, faults, '');
    return undefined;
  }
  const body = value as { action: BulkAction; filter: Record<string, unknown>; change?: unknown; dry_run?: boolean };
  const filter = readBulkFilter(body.filter, rules, faults);
  if (body.action === 'update' && body.change === undefined)
    faults.add('/change', 'is required: it says what the jobs are changed to, as the body of PUT /jobs/:id');
  if (body.action !== 'update' && body.change !== undefined)
    faults.add('/change', 'is for the action update only: leave it out');
  const patch = body.change === undefined ? undefined : readChange(body.change, filter, rules, faults);
  if (faults.any) return undefined;
  return {
    action: body.action,
    filter,
    askedFilter: JSON.stringify(body.filter),
    askedChange: body.change === undefined ? undefined : JSON.stringify(body.change),
    patch,
    dryRun: body.dry_run === true,
  };
}

function readBulkFilter(given: Record<string, unknown>, { timezone }: Rules, faults: Faults): JobFilter {
  const values = new Map<string, readonly string[]>();
  const { all, ...others } = given;
  if (all !== undefined && all !== true) faults.add('/filter/all', 'must be true, or left out');
  if (all !== undefined && Object.keys(others).length > 0)
    faults.add('/filter/all', 'must stand alone: it means all jobs');
  if (Object.keys(given).length === 0)
    faults.add('/filter', 'must say which jobs are meant; all of them are {"all": true}');
  for (const [name, value] of Object.entries(others)) {
    const path = `/filter${pointer(name)}`;
    if (!(filterNames as readonly string[]).includes(name)) {
      faults.add(path, `is not a filter${suggestion(name, filterNames)}`);
      continue;
    }
    const isFlag = name === 'paused' || name === 'is_repeat';
    const texts = isFlag ? (typeof value === 'boolean' ? [String(value)] : undefined) : textsOf(value);
    if (texts === undefined)
      faults.add(path, isFlag ? 'must be true or false' : 'must be a string, or an array of strings');
    else values.set(name, texts);
  }
  return readFilter(values, { timezone, faults, pathOf: (name) => `/filter/${name}` });
}

function textsOf(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return [value];
  const isList = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
  return isList ? value : undefined;
}

/** A payload is held against the schema of one type: that must be named then. */
function readChange(value: unknown, { names }: JobFilter, rules: Rules, faults: Faults): JobPatch | undefined {
  const only = names?.length === 1 ? names[0] : undefined;
  const patch = readPatch(value, rules, faults, () => only, '/change');
  if (patch?.payload !== undefined && rules.checksPayloads === true && only === undefined)
    faults.add('/filter/name', 'must name one job type when payloads are changed: they are held against its schema');
  return patch;
}
