/** Servers of tests end with the test file, also where that is killed and can do nothing about it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import t from 'tap';
import { eventually } from './client.js';

const withoutTie =
  spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0
    ? false
    : 'setpriv cannot tie a process to another';

t.test('a server does not outlive a test file that is killed', { skip: withoutTie }, async (t) => {
  const source = `
    import { startProcess } from ${JSON.stringify(new URL('server.js', import.meta.url).href)};
    console.log('listens at ' + (await startProcess()).url);`;
  const file = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(file, 'exit');
  let url = '';
  for await (const line of createInterface({ input: file.stdout })) {
    url = /listens at (\S+)/.exec(line)?.[1] ?? '';
    if (url !== '') break;
  }
  const answers = async (): Promise<boolean> => {
    const answer = await fetch(`${url}/api/v1/health`).catch(() => undefined);
    await answer?.body?.cancel();
    return answer !== undefined;
  };
  t.equal(await answers(), true, 'the server runs');
  file.kill('SIGKILL');
  await exited;
  await eventually(async () => !(await answers()), 'the server is gone', 30_000);
});
