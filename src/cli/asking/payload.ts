/** The option `--payload`: JSON text given there, in a file, or on standard input. */
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { explain, fail } from '../output.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The fields, with the payload as checked JSON text.
 * @param inputTaken standard input has something else
 * @throws CommanderError
 */
export async function readPayload(fields: Fields, inputTaken = false): Promise<Fields> {
  const { payload } = fields;
  if (typeof payload !== 'string') return fields;
  if (payload === '-' && inputTaken) fail('--payload - and --ndjson both read standard input: give one of them');
  const json =
    payload === '-' ? await text(process.stdin) : payload.startsWith('@') ? fileText(payload.slice(1)) : payload;
  try {
    JSON.parse(json);
  } catch (error) {
    fail(`--payload is not JSON: ${explain(error)}`);
  }
  return { ...fields, payload: json.trim() };
}

function fileText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return fail(`--payload: ${explain(error)}`);
  }
}
