/** The client's types: what must not compile does not, and what is declared is what the API's schemas say. */
import t from 'tap';
import type { Static } from 'typebox';
import * as answers from '../../src/api/answers.js';
import type { JobBody, PatchBody } from '../../src/api/schemas.js';
import {
  type Duration,
  Escapement,
  type Instant,
  type Job,
  type JobChange,
  type JobType,
  type ListedJob,
  type NewJob,
  type PayloadOf,
  type ResultOf,
} from '../../src/client/client.js';
import type { DefinedHandler } from '../../src/pool/worker/handler.js';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const same = <_T extends true>(): void => {};

interface Workers {
  charge: (payload: { readonly order: string }, ctx: { readonly attempt: number }) => Promise<{ paid: boolean }>;
  report: { readonly default: (payload: { readonly day: string }) => string };
  typed: { readonly run: (payload: { readonly n: number }) => number };
  mapped: { readonly payload: { readonly text: string }; readonly result: string[] };
  free: unknown;
  defined: DefinedHandler<{ readonly sum: number }, { readonly sent: boolean }>;
  module: { readonly default: DefinedHandler<{ readonly to: string }, number>; readonly options: object };
}

t.test('payloads and results flow from handlers, modules and maps', async (t) => {
  same<Same<PayloadOf<Workers['charge']>, { readonly order: string }>>();
  same<Same<ResultOf<Workers['charge']>, { paid: boolean }>>();
  same<Same<PayloadOf<Workers['report']>, { readonly day: string }>>();
  same<Same<ResultOf<Workers['report']>, string>>();
  same<Same<PayloadOf<Workers['typed']>, { readonly n: number }>>();
  same<Same<ResultOf<Workers['mapped']>, string[]>>();
  same<Same<ResultOf<Workers['free']>, unknown>>();
  same<Same<PayloadOf<Workers['defined']>, { readonly sum: number }>>();
  same<Same<ResultOf<Workers['defined']>, { readonly sent: boolean }>>();
  same<Same<PayloadOf<Workers['module']>, { readonly to: string }>>();
  same<Same<ResultOf<Workers['module']>, number>>();
  t.pass('it compiles');
});

t.test('what must not compile does not', async (t) => {
  const typed = new Escapement<Workers>({ url: 'http://127.0.0.1:1' });
  const untyped = new Escapement({ url: 'http://127.0.0.1:1' });
  // Never run: that these lines compile, or do not, is the test.
  const lines = async (): Promise<void> => {
    await typed.jobs.create({ name: 'charge', delay: '10m', payload: { order: 'A-1' } });
    await typed.jobs.create({ name: 'mapped', delay: 600_000, payload: { text: 'x' } });
    await untyped.jobs.create({ name: 'anything', trigger_at: new Date(), payload: { any: 'thing' } });
    // @ts-expect-error there is no such type
    await typed.jobs.create({ name: 'charges', delay: '10m' });
    // @ts-expect-error the payload is another type's
    await typed.jobs.create({ name: 'charge', delay: '10m', payload: { day: 'today' } });
    // @ts-expect-error there is no such field
    await typed.jobs.create({ name: 'charge', dealy: '10m' });
    // @ts-expect-error a status that there is not
    typed.jobs.list({ status: 'done' });
    // @ts-expect-error an event that there is not
    typed.events({ event_types: ['job.done'] });
    // @ts-expect-error a list of a type that there is not
    typed.events({ job_types: ['charges'] });
    for await (const job of typed.jobs.list({ name: 'charge' })) {
      const paid: boolean | undefined = job.result?.paid;
      // @ts-expect-error it is a boolean
      const text: string | undefined = job.result?.paid;
      void [paid, text];
    }
    const job = await typed.jobs.wait('job_1_00000000');
    if (job.name === 'report') job.payload.day.toUpperCase();
    // @ts-expect-error only a report has a day
    job.payload.day.toUpperCase();
  };
  t.type(lines, 'function');
});

t.test('the shapes are those of the schemas', async (t) => {
  same<Same<keyof ListedJob, keyof Static<typeof answers.job>>>();
  same<Same<keyof Job, keyof Static<typeof answers.jobDetail>>>();
  same<Same<ListedJob['status'], Static<typeof answers.job>['status']>>();
  same<Same<ListedJob['backoff'], Static<typeof answers.job>['backoff']>>();
  same<Same<keyof NewJob<{ any: unknown }>, keyof JobBody>>();
  same<Same<keyof JobChange, keyof PatchBody>>();
  same<Same<NewJob['delay'], Duration | undefined>>();
  same<Same<NewJob['trigger_at'], Instant | undefined>>();
  const types: (keyof JobType)[] = ['name', 'description', 'timeout', 'concurrency', 'max_retries', 'payload_schema'];
  t.ok(types.every((name) => JSON.stringify(answers.jobTypes).includes(`"${name}"`)));
});
