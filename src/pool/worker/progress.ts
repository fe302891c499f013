/** Worker side: what a handler says of its progress, as JSON text. */
import { limits } from '../../domain/limits.js';
import { boundedJson } from './result.js';

// As it is before any handler is loaded: handlers may replace it.
const { byteLength } = Buffer;

/** @throws RangeError or TypeError when the value is none that can be shown */
export function progressText(value: unknown): string {
  if (typeof value === 'number') {
    if (value >= 0 && value <= 100) return String(value);
    throw new RangeError(`ctx.progress: ${value} is not from 0 to 100; anything else goes into an object`);
  }
  const json = boundedJson(value, limits.progressBytes);
  if (json.kind === 'json' && byteLength(json.text) <= limits.progressBytes) return json.text;
  if (json.kind === 'json' || json.kind === 'tooLong')
    throw new RangeError(`ctx.progress: the value has more than ${limits.progressBytes} bytes as JSON`);
  const why = json.kind === 'failed' ? json.why : `a ${typeof value}`;
  throw new TypeError(`ctx.progress: the value cannot be written as JSON: ${why}`);
}
