/** Cron expressions in words. In a file of its own, since the library is large and few ask. */
import cronstrue from 'cronstrue';
import type { Cron } from './cron-expression.js';

/** What an expression means, in English with a 24-hour clock: `At 09:00, Monday through Friday`. */
export function cronInWords(cron: Cron): string {
  if (cron.expression.startsWith('@')) return words(cron.expression);
  const [second, minute, hour, day, month, weekday] = fieldsOf(cron);
  const time = [second, minute, hour].join(' ');
  if (!cron.eitherDay || day === '*' || weekday === '*') return words([time, day, month, weekday].join(' '));
  // The library joins the two with "and", where one of them is enough, as crontab(5) has it.
  const days = `${words(`${time} ${day} * *`)}, or ${dayPart(`* * ${weekday}`).replace(/^only /, '')}`;
  return month === '*' ? days : `${days}, ${dayPart(`* ${month} *`)}`;
}

const words = (expression: string): string => cronstrue.toString(expression, { use24HourTimeFormat: true });

/** What is said of days only. @param fields day of month, month, weekday */
const dayPart = (fields: string): string => words(`0 0 ${fields}`).replace(/^At 00:00, /, '');

/** The six fields, with a star where every value fits: the library stumbles over lists that have one. */
function fieldsOf(cron: Cron): readonly string[] {
  const fields = cron.expression.split(/[ \t]+/).filter((field) => field !== '');
  if (fields.length === 5) fields.unshift('0');
  const isWhole = [
    cron.seconds.values.length === 60,
    cron.minutes.values.length === 60,
    cron.hours.values.length === 24,
    bits(cron.daysOfMonth) === 31 || (cron.eitherDay && bits(cron.weekdays & 127) === 7),
    bits(cron.months) === 12,
    bits(cron.weekdays & 127) === 7 || (cron.eitherDay && bits(cron.daysOfMonth) === 31),
  ];
  return fields.map((field, at) => (isWhole[at] ? '*' : field));
}

function bits(set: number): number {
  return set.toString(2).replaceAll('0', '').length;
}
