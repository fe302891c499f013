/** What users have set, as rows in the database: one of the server and one of each job type that has something, JSON. */
import type { ServerSettings, Settings, TypeSettings } from '../../domain/control/settings.js';
import type { SettingRow } from '../../store/postgres/database.js';

const ofServer = 'server';
const ofType = 'type:';

export function serverRow(settings: ServerSettings): SettingRow {
  return { name: ofServer, value: textOf(settings) };
}

export function typeRow(name: string, settings: TypeSettings): SettingRow {
  return { name: ofType + name, value: textOf(settings) };
}

/** All of them; what is not set has none. */
export function settingRows({ server, types }: Settings): readonly SettingRow[] {
  const rows = [serverRow(server), ...[...types].map(([name, settings]) => typeRow(name, settings))];
  return rows.filter(({ value }) => value !== null);
}

/** Rows that nothing here knows are left out. @throws SyntaxError when a value is no JSON */
export function readSettings(rows: readonly SettingRow[]): Settings {
  let server: ServerSettings = {};
  const types = new Map<string, TypeSettings>();
  for (const { name, value } of rows) {
    if (value === null) continue;
    if (name === ofServer) server = JSON.parse(value) as ServerSettings;
    else if (name.startsWith(ofType)) types.set(name.slice(ofType.length), JSON.parse(value) as TypeSettings);
  }
  return { server, types };
}

function textOf(settings: object): string | null {
  return Object.values(settings).every((value) => value === undefined) ? null : JSON.stringify(settings);
}
