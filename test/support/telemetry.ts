/** A telemetry that keeps what it is told, as the call's name with its arguments. */
import { noTelemetry, type Telemetry } from '../../src/telemetry/port.js';

export type Heard = readonly [call: string, ...values: unknown[]];

export function recorded(): { readonly heard: Heard[]; readonly telemetry: Telemetry } {
  const heard: Heard[] = [];
  const note = (call: string) => [call, (...values: unknown[]) => void heard.push([call, ...values])];
  return { heard, telemetry: Object.fromEntries(Object.keys(noTelemetry).map(note)) as unknown as Telemetry };
}
