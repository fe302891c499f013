/** The API as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), made of what is declared. */
import { type ErrorCode, Refusal } from '../../domain/errors.js';
import { problem } from '../answers.js';
import { type Operation, refusalsOf, tags } from '../operation.js';
import { operations } from '../operations.js';
import { type ProblemKind, problemBody, problemKinds, problemStatus } from '../problem.js';
import { answerExamples, exampleId, refusalExamples, requestExamples } from './examples.js';
import type { Json } from './named-schemas.js';
import { type PayloadSchemas, withPayloads } from './payloads.js';
import { SchemaBook } from './schema-book.js';

/** What a document depends on beside the declarations. */
export interface Described {
  /** `1.2.3` */
  readonly version: string;
  /** Path of the API, `/api/v1`. */
  readonly base: string;
  /** Requests need a token. */
  readonly guarded: boolean;
  /** Registered job types, by name; none for readers who may not know them. */
  readonly jobTypes: readonly string[];
  /** What their handlers declare, of those that do; as for these, none for readers who may not know them. */
  readonly payloadSchemas?: PayloadSchemas;
}

const json = 'application/json';

export function openApi(described: Described): Json {
  const { version, base, guarded, jobTypes, payloadSchemas = {} } = described;
  const writer = new Writer(described);
  const paths = writer.paths();
  const problems = Object.fromEntries([...writer.codes].map((code) => [code, { value: problemExample(code) }]));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Escapement',
      version,
      summary: 'A job scheduler server',
      description:
        'Durable delayed, cron and repeating jobs. Instants are RFC 3339, durations are texts such as `10m` or `1h30s`. HEAD answers as GET does, without the body. Events come by WebSocket at `/ws` and as Server-Sent Events at `GET /events`: see `asyncapi.json`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: base }],
    // An empty list: nothing is needed.
    security: guarded ? [{ token: [] }] : [],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: withPayloads(withJobTypes(writer.book.schemas, jobTypes), payloadSchemas, ['NewJob', 'JobChange']),
      examples: problems,
      ...(guarded && { securitySchemes: { token: bearer } }),
    },
  };
}

const bearer = {
  type: 'http',
  scheme: 'bearer',
  description: 'A token that the server was started with. A read token may only GET and HEAD, and open a WebSocket.',
};

/** Names the job types that new jobs can have. */
function withJobTypes(schemas: Json, jobTypes: readonly string[]): Json {
  if (jobTypes.length === 0) return schemas;
  const newJob = schemas.NewJob as { readonly properties: { readonly name: Json } };
  const name = { type: 'string', enum: jobTypes, description: newJob.properties.name.description };
  return { ...schemas, NewJob: { ...newJob, properties: { ...newJob.properties, name } } };
}

/** What the parameter of a path is. */
const ofJob = { description: 'Id of the job', example: exampleId };
const ofBulk = { description: 'Id of the bulk action', example: 'bulk_17' };
const ofType = { description: 'Name of the job type', example: 'payment_check' };

class Writer {
  readonly book = new SchemaBook({ describesReferences: true });
  /** Of the refusals that were described. */
  readonly codes = new Set<ErrorCode>();
  readonly #base: string;
  readonly #guarded: boolean;
  readonly #bodies: ReturnType<typeof requestExamples>;

  constructor({ base, guarded, jobTypes }: Described) {
    this.#base = base;
    this.#guarded = guarded;
    this.#bodies = requestExamples(jobTypes);
  }

  paths(): Json {
    const paths: Record<string, Record<string, unknown>> = {};
    for (const name of Object.keys(operations) as (keyof typeof operations)[]) {
      const operation: Operation = operations[name];
      const path = operation.path.replace(/:(\w+)/, '{$1}');
      // A path cannot be empty, and one more slash would be another path: the resource of the API itself is named whole.
      const item = (paths[path || this.#base] ??= path === '' || operation.beside ? { servers: [{ url: '/' }] } : {});
      item[operation.method.toLowerCase()] = this.#operation(name, operation);
    }
    return paths;
  }

  #operation(name: keyof typeof operations, operation: Operation): Json {
    const { tag, summary, description, request, open } = operation;
    const parameters = this.#parameters(operation);
    return {
      operationId: name,
      tags: [tag],
      summary,
      ...(description !== undefined && { description }),
      ...(open && this.#guarded && { security: [] }),
      ...(parameters.length > 0 && { parameters }),
      ...(request && { requestBody: this.#requestBody(name, operation) }),
      responses: { ...this.#answers(name, operation), ...this.#refusals(operation) },
    };
  }

  #parameters({ path, query, headers = {} }: Operation): Json[] {
    const parameters: Json[] = [];
    const name = /:(\w+)/.exec(path)?.[1];
    if (name !== undefined) {
      const { description, example } = name !== 'id' ? ofType : path.startsWith('/bulk') ? ofBulk : ofJob;
      parameters.push({ name, in: 'path', required: true, description, schema: { type: 'string' }, example });
    }
    const asked = (query as { properties?: Json } | undefined)?.properties ?? {};
    for (const [place, schemas] of [
      ['query', asked],
      ['header', headers],
    ] as const) {
      for (const [name, each] of Object.entries(schemas)) {
        const { description, ...schema } = this.book.refer(each) as Json;
        parameters.push({ name, in: place, description, schema });
      }
    }
    return parameters;
  }

  #requestBody(name: keyof typeof operations, { request, ndjson, bodyOptional }: Operation): Json {
    const examples = this.#bodies[name] ?? {};
    const content: Record<string, Json> = { [json]: { schema: this.book.refer(request), examples } };
    if (ndjson) {
      const items = Object.values(examples).flatMap(({ value }) => value as unknown[]);
      content['application/x-ndjson'] = {
        schema: { type: 'string', description: 'An item of the list a line, as JSON' },
        example: items.map((item) => `${JSON.stringify(item)}\n`).join(''),
      };
    }
    return { required: bodyOptional !== true, content };
  }

  #answers(name: keyof typeof operations, { answers, answerHeaders, produces = json }: Operation): Json {
    const examples = answerExamples[name] as Readonly<Record<string, unknown>>;
    return Object.fromEntries(
      Object.entries(answers).map(([status, schema]) => {
        const content = { [produces]: { schema: this.book.refer(schema), example: examples[status] } };
        return [status, { description: answerTitles[status], ...this.#headers(answerHeaders), content }];
      }),
    );
  }

  #headers(schemas: Operation['answerHeaders']): Json {
    if (schemas === undefined) return {};
    const headers = Object.entries(schemas).map(([name, each]) => {
      const { description, ...schema } = this.book.refer(each) as Json;
      return [name, { description, schema }];
    });
    return { headers: Object.fromEntries(headers) };
  }

  /** Refusals by status; codes of one status stand beside each other as examples. */
  #refusals(operation: Operation): Json {
    const byStatus = new Map<number, ErrorCode[]>();
    for (const code of refusalsOf(operation)) {
      // With a token any Host will do, and without one none is asked for.
      if (code === (this.#guarded ? 'misdirected_host' : 'unauthorized')) continue;
      this.codes.add(code);
      const status = problemStatus(code);
      byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
    }
    return Object.fromEntries([...byStatus].map(([status, codes]) => [status, this.#refusal(codes)]));
  }

  #refusal(codes: readonly ErrorCode[]): Json {
    const kinds = codes.map((code): ProblemKind => problemKinds[code]);
    const names = new Set(kinds.flatMap(({ headers = [] }) => headers.map(([name]) => name)));
    const headers = Object.fromEntries(
      [...names].map((name) => [name, { schema: { type: name === 'Retry-After' ? 'integer' : 'string' } }]),
    );
    const examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
    return {
      description: kinds.map(({ title }, at) => `\`${codes[at]}\`: ${title}`).join('\n\n'),
      ...(names.size > 0 && { headers }),
      content: { 'application/problem+json': { schema: this.book.refer(problem), examples } },
    };
  }
}

const answerTitles: Readonly<Record<string, string>> = {
  200: 'Done',
  201: 'Made, and on disk',
  202: 'Accepted, and on disk; it is carried out behind this answer',
  503: 'Not all is well: `reason` says why',
};

function problemExample(code: ErrorCode): unknown {
  const { detail, faults } = refusalExamples[code];
  return JSON.parse(problemBody(new Refusal(code, detail, faults)));
}
