/** Holds what the server says to what it is declared to say: every client of the tests asks here about each answer. */
import { Compile } from 'typebox/compile';
import { problem } from '../../src/api/answers.js';
import { events, notices, transientEvents } from '../../src/api/messages.js';
import { type Operation, refusalsOf } from '../../src/api/operation.js';
import { operations } from '../../src/api/operations.js';
import type { ErrorCode } from '../../src/domain/errors.js';

type Schema = typeof problem | Operation['answers'][number];

const compiled = new Map<Schema, ReturnType<typeof Compile>>();
const declared: readonly Operation[] = Object.values(operations);
const base = '/api/v1';

/** @returns what is wrong with an answer, or undefined */
export function answerFault(method: string, target: string, status: number, body: unknown): string | undefined {
  const path = target.split('?')[0] as string;
  const operation = declared.find((each) => each.method === method && fits(base + each.path, path));
  const schema = operation?.answers[status];
  if (schema !== undefined) return fault(schema, body);
  if (status < 400) return operation && `${status} is not declared`;
  return fault(problem, body) ?? (operation && refusalFault(operation, body as { code: ErrorCode }));
}

function refusalFault(operation: Operation, { code }: { code: ErrorCode }): string | undefined {
  return refusalsOf(operation).includes(code) ? undefined : `the refusal ${code} is not declared`;
}

/** @returns what is wrong with a message to a subscriber, or undefined */
export function messageFault(message: unknown): string | undefined {
  const { type } = message as { type: string };
  const schema = ({ ...events, ...transientEvents, ...notices } as Record<string, Schema>)[type];
  return schema === undefined ? `the type ${type} is not declared` : fault(schema, message);
}

function fits(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  return wanted.length === given.length && wanted.every((each, at) => each.startsWith(':') || each === given[at]);
}

function fault(schema: Schema, value: unknown): string | undefined {
  let validator = compiled.get(schema);
  if (validator === undefined) compiled.set(schema, (validator = Compile(schema)));
  if (validator.Check(value)) return undefined;
  return `${JSON.stringify(validator.Errors(value))}: ${JSON.stringify(value)?.slice(0, 1000)}`;
}
