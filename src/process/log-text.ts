/**
 * A line of the log for people at a terminal: time of day, level, message, and the fields behind it. Made of pino's JSON,
 * so that both formats say the same.
 */
const levels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** Of the process, the same on each line. */
const leftOut = new Set(['level', 'time', 'msg', 'pid', 'hostname']);

/**
 * @param line one line of pino's JSON
 * @param coloured true where the terminal shows colours
 */
export function logText(line: string, coloured: boolean): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown> & { level: number; time: number };
  const name = (levels[level] ?? String(level)).padEnd(5);
  const rest = Object.entries(fields)
    .filter(([key]) => !leftOut.has(key))
    .map(([key, value]) => ` ${paint('gray', `${printable(key)}=`, coloured)}${valueText(value)}`);
  const head = `${paint('gray', timeOfDay(time), coloured)} ${paint(colourOf(level), name, coloured)}`;
  return `${head} ${printable(String(msg ?? ''))}${rest.join('')}\n`;
}

/** SGR parameters (ECMA-48 §8.3.117). */
const colours = { gray: 90, green: 32, yellow: 33, red: 31 } as const;
type Colour = keyof typeof colours;

function colourOf(level: number): Colour {
  if (level >= 50) return 'red';
  if (level >= 40) return 'yellow';
  return level >= 30 ? 'green' : 'gray';
}

function paint(colour: Colour, text: string, coloured: boolean): string {
  return coloured ? `\u001b[${colours[colour]}m${text}\u001b[39m` : text;
}

/** Local time, since people compare it with their own clocks. */
function timeOfDay(time: number): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${day} ${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? printable(value) : printable(JSON.stringify(value));
  const text = JSON.stringify(value) ?? 'undefined';
  return printable(text);
}

/** Handlers and clients choose some of this text: it must not move the cursor or make lines of its own. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    return char === '\n' ? '\\n' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
