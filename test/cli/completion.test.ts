/** Completion in a real bash. */
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { runCli } from '../support/server.js';

t.test('commands, options and choices', async (t) => {
  const { code, stdout } = await runCli(['completion', 'bash']);
  t.equal(code, 0);
  const complete = (...words: string[]): string[] => {
    const line = words.map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _escapement; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', `${stdout}\n${ask}`], { encoding: 'utf8' })
      .trim()
      .split('\n');
  };
  t.same(complete('escapement', 'st'), ['stats', 'start']);
  t.same(complete('escapement', 'jobs', 'c'), ['cancel']);
  t.same(complete('escapement', 'jobs', 'add', '--ret'), ['--retry-delay', '--retry-jitter']);
  t.same(complete('escapement', 'jobs', 'add', 'x', '--backoff', ''), ['exponential', 'fixed']);
  t.same(complete('escapement', 'jobs', 'add', '--delay', ''), [''], 'what a value is, bash cannot know');
  t.same(complete('escapement', 'start', '--log-f'), ['--log-format']);
  t.same(complete('escapement', 'start', '--merge'), [''], 'what is hidden stays so');
  t.same(complete('escapement', 'completion', ''), ['bash', '--help']);
  t.same(complete('escapement', 'check', ''), [''], 'files, by bash itself');
});

t.test('another shell', async (t) => {
  t.match(await runCli(['completion', 'fish']), { code: 2, stderr: /bash/ });
});
