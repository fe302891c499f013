/** What clients may say on a WebSocket: what is taken, and the sentence about what is not. */
import t from 'tap';
import { readClientMessage } from '../../src/api/client-message.js';
import { clientMessages } from '../../src/api/messages.js';
import { heardTypes } from '../../src/domain/events.js';
import { limits } from '../../src/domain/limits.js';

const read = (value: unknown) => readClientMessage(JSON.stringify(value));
const all = { jobTypes: [], eventTypes: [], jobIds: [] };

t.test('messages that are as declared', (t) => {
  t.same(read({ action: 'subscribe' }), { action: 'subscribe', filter: all });
  t.same(read({ action: 'subscribe', filter: {}, since: 0 }), {
    action: 'subscribe',
    filter: all,
    since: { seqs: [0], timelines: [0] },
  });
  t.same(read({ action: 'subscribe', filter: { job_types: ['b', 'a', 'b'], event_types: ['job.failed'] } }), {
    action: 'subscribe',
    filter: { jobTypes: ['b', 'a'], eventTypes: ['job.failed'], jobIds: [] },
  });
  for (const action of ['unsubscribe', 'ping', 'get_stats']) t.same(read({ action }), { action });
  t.end();
});

t.test('each that is not gets one sentence', (t) => {
  const subscribe = (more: object) => JSON.stringify({ action: 'subscribe', ...more });
  const name = 'a name of a job type (characters out of A-Z, a-z, 0-9 and _ . : -)';
  const cases: [text: string, message: string][] = [
    ['{', 'The message is not JSON.'],
    ['[]', 'The message must be a JSON object.'],
    ['{}', 'action must be one of subscribe, unsubscribe, ping, get_stats.'],
    ['{"action":"constructor"}', 'action must be one of subscribe, unsubscribe, ping, get_stats.'],
    ['{"action":"pin"}', 'action must be one of subscribe, unsubscribe, ping, get_stats; did you mean ping?'],
    ['{"action":"ping","x":1}', 'x is not a field of ping; there are action.'],
    ['{"action":"ping","__proto__":{}}', '__proto__ is not a field of ping; there are action.'],
    [
      subscribe({ filters: {} }),
      'filters is not a field of subscribe; did you mean filter? There are action, filter, since.',
    ],
    [subscribe({ since: -1 }), 'since must be the seq of an event, or 0.'],
    [subscribe({ since: 2 ** 53 }), 'since must be the seq of an event, or 0.'],
    [subscribe({ since: '0' }), 'since must be the seq of an event, or 0.'],
    [subscribe({ filter: null }), 'filter must be an object with job_types, event_types and job_ids, or left out.'],
    [
      subscribe({ filter: { job_type: [] } }),
      'filter.job_type is not a field; did you mean job_types? There are job_types, event_types, job_ids.',
    ],
    [subscribe({ filter: { job_types: 'a' } }), 'filter.job_types must be an array of strings.'],
    [subscribe({ filter: { event_types: {} } }), 'filter.event_types must be an array of strings.'],
    [subscribe({ filter: { job_ids: null } }), 'filter.job_ids must be an array of strings.'],
    ...[5, '', '*', 'a/b', 'n'.repeat(129)].map((item): [string, string] => [
      subscribe({ filter: { job_types: ['a', item] } }),
      `filter.job_types[1] must be ${name}.`,
    ]),
    [
      subscribe({ filter: { event_types: ['job.exploded'] } }),
      `filter.event_types[0] must be one of ${heardTypes.join(', ')}.`,
    ],
    [
      subscribe({ filter: { job_ids: ['x'.repeat(129)] } }),
      'filter.job_ids[0] must be a job id of at most 128 characters.',
    ],
    [
      subscribe({ filter: { job_ids: Array.from({ length: limits.filterIds + 1 }, (_, n) => `job_${n}`) } }),
      `filter.job_ids may have at most ${limits.filterIds} ids.`,
    ],
  ];
  for (const [text, message] of cases) {
    const code = text === '{' ? 'malformed_json' : 'validation_failed';
    t.same(readClientMessage(text), { action: 'invalid', code, message }, text.slice(0, 60));
  }
  t.end();
});

t.test('a message of nothing but unknown fields is told of one of them, shortened', (t) => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`${'x'.repeat(200)}${n}`, 1]));
  t.match(read({ action: 'subscribe', ...many }), { message: /^x{100} is not a field of subscribe; there are/ });
  t.match(read({ action: 'subscribe', filter: many }), { message: /^filter\.x{100} is not a field; there are/ });
  t.end();
});

t.test('every message and every field but its action is described', (t) => {
  const isDescribed = (schema: object, what: string) => t.match(schema, { description: String }, what);
  for (const [action, schema] of Object.entries(clientMessages)) {
    isDescribed(schema, action);
    for (const [field, part] of Object.entries(schema.properties))
      if (field !== 'action') isDescribed(part as object, `${action}.${field}`);
  }
  t.end();
});
