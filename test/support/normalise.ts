/** Makes answers comparable to a snapshot: what differs from run to run becomes its kind, and fields are sorted, since their order says nothing. */

const variable = new Map<string, string>([
  ['next_run_in', '<duration>'],
  ['uptime', '<duration>'],
  ['duration_ms', '<ms>'],
  ['seq', '<seq>'],
  ['next_cursor', '<cursor>'],
]);

export function normalise(value: unknown): unknown {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return value.map(normalise);
  if (value === null || typeof value !== 'object') return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(fields.map(([name, field]) => [name, variable.get(name) ?? normalise(field)]));
}

function text(value: string): string {
  return value
    .replace(/job_\d{10,}_[0-9a-f]{8}/g, '<id>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<instant>');
}
