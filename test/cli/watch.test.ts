/** `escapement jobs watch`: what a job says of itself while it runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { run, startServer, temporary } from '../support/server.js';
import { talks } from '../support/talks.js';

t.setTimeout(120_000);

const handlers = { talks: talks(20) };

t.test('progress is shown, lines when they are asked for', async (t) => {
  const server = await startServer({ handlers });
  const client = new Client(server);
  for (const logs of [true, false]) {
    const file = join(temporary('watch'), 'end');
    const { id } = await client.create({ name: 'talks', delay: '0s', payload: { file } });
    const watching = run(['jobs', 'watch', id, ...(logs ? ['--logs'] : [])], { ESCAPEMENT_URL: server.url });
    const ended = new Promise((resolve) => watching.once('exit', resolve));
    let text = '';
    watching.stdout!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const line = new RegExp(`job\\.log +talks +${id} +level=info +message="still at it" +fields=\\{"n":\\d+\\}\n`);
    await eventually(() => text.split('job.progress').length > 4, 'there is no progress');
    if (logs) await eventually(() => line.test(text), 'there is no line');
    writeFileSync(file, '');
    t.equal(await ended, 0);
    t.match(text, new RegExp(`job\\.progress +talks +${id} +progress=\\d+\n`));
    t.match(text, /job\.completed.*\n.*talks {2}success/);
    if (!logs) t.notMatch(text, /job\.log/);
  }
});
