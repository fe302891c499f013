/** What is said on a WebSocket, and sent on an event stream, as an AsyncAPI 3.0 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0). */
import { clientMessages, events, notices, transientEvents } from '../messages.js';
import { actionExamples, eventExamples, noticeExamples, transientExamples } from './message-examples.js';
import type { Json } from './named-schemas.js';
import type { Described } from './openapi.js';
import { SchemaBook } from './schema-book.js';

const path = '/ws';
/** What an event stream has of that. */
const streamed = [...Object.keys(events), ...Object.keys(transientEvents), 'subscribed', 'gap'];
/** What answers each action; any can be answered by `error`. */
const answers = {
  subscribe: ['subscribed', 'gap'],
  unsubscribe: ['unsubscribed'],
  ping: ['pong'],
  get_stats: ['stats'],
} as const satisfies Record<keyof typeof clientMessages, readonly string[]>;

export function asyncApi({ base, version, guarded, jobTypes }: Described): Json {
  const book = new SchemaBook({ describesReferences: false });
  const actions = writeMessages(book, clientMessages, actionExamples(jobTypes), 'A request');
  const answered = writeMessages(book, notices, noticeExamples, 'An answer, or a notice beside events');
  const published = {
    ...writeMessages(book, events, eventExamples, 'An event'),
    ...writeMessages(book, transientEvents, transientExamples, 'An event that is not kept'),
  };
  const messages = { ...actions, ...answered, ...published };
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Escapement events',
      version,
      description:
        'What happens to jobs, on a WebSocket: text messages of JSON; or as Server-Sent Events, whose data are the same messages. On the WebSocket nothing is sent before the first `subscribe`; a later one replaces the filter. An event comes once, in order of `seq`, and only after its change is on disk. `job.progress` and `job.log` are not kept: they have no `seq`, go only to subscriptions that name them, may be dropped, and are not resumed.',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    defaultContentType: 'application/json',
    servers: {
      server: {
        host: '{host}',
        protocol: 'ws',
        description: 'The server, with wss where it has a certificate',
        variables: { host: { default: 'localhost:8080', description: 'Its name and port' } },
        security,
      },
      http: {
        host: '{host}',
        protocol: 'http',
        description: 'The same server, for event streams; https where it has a certificate',
        variables: { host: { default: 'localhost:8080', description: 'Its name and port' } },
        security,
      },
    },
    channels: {
      events: {
        address: path,
        servers: [{ $ref: '#/servers/server' }],
        title: 'Events of jobs',
        messages: Object.fromEntries(
          Object.keys(messages).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
      },
      stream: {
        address: `${base}/events`,
        title: 'Events of jobs, as Server-Sent Events',
        description:
          'Filters and the place to resume from stand in the query: see GET /events of the OpenAPI document.',
        servers: [{ $ref: '#/servers/http' }],
        messages: Object.fromEntries(streamed.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
      },
    },
    operations: {
      ...Object.fromEntries(
        Object.keys(clientMessages).map((name) => [
          name,
          { ...receiving(name as keyof typeof clientMessages), security },
        ]),
      ),
      publish: {
        action: 'send',
        channel,
        summary: 'Tell a subscriber what happened to jobs',
        messages: Object.keys(published).map(messageOf),
        security,
      },
      stream: {
        action: 'send',
        channel: { $ref: '#/channels/stream' },
        summary: 'Stream to a client what happens to jobs',
        messages: streamed.map((name) => ({ $ref: `#/channels/stream/messages/${name}` })),
        security,
      },
    },
    components: {
      messages,
      schemas: book.schemas,
      securitySchemes: { token: guarded ? token : noToken },
    },
  };
}

const security = [{ $ref: '#/components/securitySchemes/token' }];
/** AsyncAPI has no way to say that nothing is needed, and linters ask for something. */
const noToken = {
  type: 'http',
  scheme: 'bearer',
  description: 'This server has no tokens: none is needed, any will do.',
};
const channel = { $ref: '#/channels/events' };
const token = {
  type: 'http',
  scheme: 'bearer',
  description:
    'Any token of the server. A browser offers the subprotocols `escapement.v1` and `bearer.<token in base64url>` instead of the header.',
};

function messageOf(name: string): Json {
  return { $ref: `#/channels/events/messages/${name}` };
}

function receiving(action: keyof typeof clientMessages): Json {
  return {
    action: 'receive',
    channel,
    summary: (clientMessages[action] as { readonly description?: string }).description,
    messages: [messageOf(action)],
    reply: { channel, messages: [...answers[action], 'error'].map(messageOf) },
  };
}

function writeMessages(
  book: SchemaBook,
  schemas: Readonly<Record<string, unknown>>,
  examples: Readonly<Record<string, unknown>>,
  title: string,
): Json {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      { name, title: `${title}: ${name}`, payload: book.refer(schema), examples: [{ payload: examples[name] }] },
    ]),
  );
}
