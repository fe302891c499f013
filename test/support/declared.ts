/** Holds what the server says to what it is declared to say: every client of the tests asks here about each answer. */
import { Compile } from 'typebox/compile';
import { problem } from '../../src/api/answers.js';
import { events, notices } from '../../src/api/messages.js';
import type { Operation } from '../../src/api/operation.js';
import { operations } from '../../src/api/operations.js';

type Schema = typeof problem | Operation['answers'][number];

const compiled = new Map<Schema, ReturnType<typeof Compile>>();
const declared: readonly Operation[] = Object.values(operations);
const base = '/api/v1';

/** @returns what is wrong with an answer, or undefined */
export function answerFault(method: string, target: string, status: number, body: unknown): string | undefined {
  if (status >= 400 && !isHealth(target, status)) return fault(problem, body);
  const path = target.split('?')[0] as string;
  const operation = declared.find((each) => each.method === method && fits(base + each.path, path));
  if (operation === undefined) return undefined;
  const schema = operation.answers[status];
  return schema === undefined ? `${status} is not declared` : fault(schema, body);
}

/** @returns what is wrong with a message to a subscriber, or undefined */
export function messageFault(message: unknown): string | undefined {
  const { type } = message as { type: string };
  const schema = ({ ...events, ...notices } as Record<string, Schema>)[type];
  return schema === undefined ? `the type ${type} is not declared` : fault(schema, message);
}

function isHealth(target: string, status: number): boolean {
  return status === 503 && target.split('?')[0] === `${base}/health`;
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
