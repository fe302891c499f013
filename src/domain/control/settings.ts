/** What users have set of the server and of job types, beside what handlers say: it holds until they set it otherwise. */

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
