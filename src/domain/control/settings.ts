/** What users have set of the server and of job types, beside what handlers say: it holds until they set it otherwise. */
import { paceOf, type Rate } from './rate.js';

/** A pause of the server or of a job type: nothing of it starts. */
export interface Hold {
  /** Unix milliseconds. */
  readonly since: number;
  /** What the user said. */
  readonly reason?: string | undefined;
}

/** Of one job type. Nothing in it: as its handler says. */
export interface TypeSettings {
  readonly paused?: Hold | undefined;
  /** Attempts that may run at once, in place of what the handler says. */
  readonly concurrency?: number | undefined;
  /** The same of each of its groups. */
  readonly groupConcurrency?: number | undefined;
  readonly rate?: Rate | undefined;
  /** Set by the server: a job of it has been given a group, so there may be groups that are to have their turn. */
  readonly hasGroups?: true | undefined;
}

/** Of the server as a whole. */
export interface ServerSettings {
  readonly paused?: Hold | undefined;
}

/** All that is set: types by name, those that have something. */
export interface Settings {
  readonly server: ServerSettings;
  readonly types: ReadonlyMap<string, TypeSettings>;
}

export const noSettings: Settings = { server: {}, types: new Map() };

/** Settings as a change leaves them: those that it names. */
export interface SettingsChange {
  readonly server?: ServerSettings | undefined;
  readonly types: ReadonlyMap<string, TypeSettings>;
}

/** The settings with a change of some. Types of which nothing is set any more leave. */
export function changed(before: Settings, { server = before.server, types }: SettingsChange): Settings {
  const after = new Map(before.types);
  for (const [name, settings] of types) {
    if (Object.values(settings).some((value) => value !== undefined)) after.set(name, settings);
    else after.delete(name);
  }
  return { server, types: after };
}

/** A pause from `now` on, or another reason of one that there is. @param reason null takes it away, absent it stays */
export function held(before: Hold | undefined, reason: string | null | undefined, now: number): Hold {
  const kept = reason === undefined ? before?.reason : (reason ?? undefined);
  const since = before?.since ?? now;
  return kept === undefined ? { since } : { since, reason: kept };
}

/** What a request changes of a type; null: as its handler says, and not paused. What is absent stays. */
export interface TypeChange {
  readonly concurrency?: number | null | undefined;
  readonly groupConcurrency?: number | null | undefined;
  readonly rate?: Rate | null | undefined;
  readonly paused?: boolean | null | undefined;
  /** Of its pause. */
  readonly reason?: string | null | undefined;
}

/** Settings with a change made. */
export function changedType(before: TypeSettings, change: TypeChange, now: number): TypeSettings {
  const { paused, reason } = change;
  const stays = paused === undefined ? before.paused !== undefined : paused === true;
  return {
    ...before,
    paused: stays ? held(before.paused, reason, now) : undefined,
    ...named('concurrency', change),
    ...named('groupConcurrency', change),
    ...named('rate', change),
  };
}

function named<Field extends 'concurrency' | 'groupConcurrency' | 'rate'>(
  field: Field,
  change: TypeChange,
): Pick<TypeSettings, Field> | undefined {
  if (change[field] === undefined) return undefined;
  return { [field]: change[field] ?? undefined } as Pick<TypeSettings, Field>;
}

/** What bounds the starts of a type; Infinity where nothing does. */
export interface TypeLimits {
  /** Attempts that may run at once. */
  readonly concurrency: number;
  /** The same of each of its groups. */
  readonly groupConcurrency: number;
  readonly rate: Rate | undefined;
}

/** What a handler says of these. */
export interface HandlerLimits {
  readonly concurrency: number;
  /** Absent: unbounded. */
  readonly groupConcurrency?: number | undefined;
  readonly rate?: Rate | undefined;
}

/**
 * What bounds the starts of a type for which any of these settings may come to hold.
 *
 * @param settings none: as the handler says
 */
export function narrowest(handler: HandlerLimits, settings: readonly TypeSettings[]): TypeLimits {
  const [first = {}, ...others] = settings;
  return others.map((set) => limitsOf(handler, set)).reduce(narrower, limitsOf(handler, first));
}

/** What is set of a type goes before what its handler says. */
export function limitsOf(handler: HandlerLimits, set: TypeSettings): TypeLimits {
  const { concurrency = handler.concurrency, rate = handler.rate } = set;
  const { groupConcurrency = handler.groupConcurrency ?? Number.POSITIVE_INFINITY } = set;
  return { concurrency, groupConcurrency, rate };
}

/** The narrower of each of two limits: of what is on disk and what is being written, whichever of them comes to hold. */
function narrower(a: TypeLimits, b: TypeLimits): TypeLimits {
  return {
    concurrency: Math.min(a.concurrency, b.concurrency),
    groupConcurrency: Math.min(a.groupConcurrency, b.groupConcurrency),
    rate: slower(a.rate, b.rate),
  };
}

function slower(a: Rate | undefined, b: Rate | undefined): Rate | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return paceOf(a).gapMs >= paceOf(b).gapMs ? a : b;
}

const nothingSet: readonly TypeSettings[] = [];

/**
 * All that may come to hold of a job type: what is on disk, and what is being written and gathered, where that is something else. Nothing
 * may start that one of these forbids: a limit holds from its decision on, and until its end is on disk.
 */
export function atStake(
  gathered: TypeSettings | undefined,
  written: TypeSettings | undefined,
  onDisk: TypeSettings | undefined,
): readonly TypeSettings[] {
  if (gathered === undefined && written === undefined) return onDisk === undefined ? nothingSet : [onDisk];
  return [gathered, written, onDisk ?? {}].filter((each) => each !== undefined);
}
