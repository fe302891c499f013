/**
 * A program of a user of the client, to be run wherever it is to work: by Node, Deno, Bun, and in a browser. `use` resolves to
 * what it found; what is wrong it throws.
 */
export async function use({ Escapement, EscapementError }, url) {
  const client = new Escapement({ url, token: 'secret' });
  const stop = new AbortController();
  const heard = [];
  const subscribed = later();
  const hearing = (async () => {
    const options = { signal: stop.signal, onSubscribed: subscribed.resolve };
    for await (const event of client.events({ job_types: ['echo'] }, options)) {
      heard.push(event.type);
      if (event.type === 'job.completed' && heard.filter((type) => type === event.type).length === 3) return;
    }
  })();
  await subscribed.promise;
  const made = await Promise.all(
    [1, 2, 3].map((n) => client.jobs.create({ name: 'echo', delay: 0, payload: { n, text: 'ü€😀' } })),
  );
  const ended = await Promise.all(made.map(({ id }) => client.jobs.wait(id)));
  await hearing;
  stop.abort();
  const listed = [];
  for await (const job of client.jobs.list({ name: 'echo' })) listed.push(job.id);
  const refused = await client.jobs.create({ name: 'nobody', delay: '1s' }).catch((error) => error);
  if (!(refused instanceof EscapementError)) throw new Error(`not refused: ${JSON.stringify(refused)}`);
  const tomorrow = await client.jobs.create({ name: 'noop', trigger_at: new Date(Date.now() + 86_400_000) });
  const cancelled = await client.jobs.cancel(tomorrow.id);
  const many = await client.jobs.createMany([
    { name: 'noop', delay: '1h' },
    { name: 'noop', delay: '2h' },
  ]);
  return {
    results: ended.map(({ result }) => result),
    scheduled: heard.filter((type) => type === 'job.scheduled').length,
    listed: made.every(({ id }) => listed.includes(id)),
    refused: refused.code,
    cancelled: cancelled.status,
    many: many.length,
    completed: (await client.stats()).completed,
    hasWebSocket: typeof WebSocket === 'function',
  };
}

function later() {
  const made = {};
  made.promise = new Promise((resolve) => {
    made.resolve = resolve;
  });
  return made;
}
