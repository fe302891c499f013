import t from 'tap';
import { logText } from '../../src/process/log-text.js';

const time = new Date(2026, 2, 4, 9, 5, 7, 45).getTime();
const line = (fields: object): string => `${JSON.stringify({ level: 30, time, pid: 1, hostname: 'h', ...fields })}\n`;

t.test('time of day, level, message, and the fields behind', (t) => {
  t.equal(
    logText(line({ urls: ['http://[::1]:8080'], zone: 'Europe/Berlin', why: 'two words', n: 3, msg: 'ready' }), false),
    '2026-03-04 09:05:07.045 info  ready urls=["http://[::1]:8080"] zone=Europe/Berlin why="two words" n=3\n',
  );
  t.equal(logText(line({ level: 50 }), false), '2026-03-04 09:05:07.045 error \n');
  t.end();
});

t.test('no text of others makes lines or moves the cursor', (t) => {
  const text = logText(line({ '\n\u001b[2J': '\u009b1A\r', msg: 'a\nb\u2028\u001b]0;title\u0007' }), false);
  t.equal(text.split(/[\n\r\u2028]/).length, 2, JSON.stringify(text));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  t.match(text, /a\\nb\\u2028\\u001b\]0;title\\u0007/);
  t.end();
});

t.test('colours only where they are shown', (t) => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are such
  t.match(logText(line({ level: 40, msg: 'm' }), true), /\u001b\[33mwarn /);
  t.end();
});
