/** What the README and the design page draw and name is what the code has. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { lifecycle } from '../src/domain/lifecycle.js';

// The help of each command is a process.
t.setTimeout(240_000);

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const readme = readFileSync(resolve(root, 'README.md'), 'utf8');
const design = readFileSync(resolve(root, 'docs/design.md'), 'utf8');

t.test('the diagram of the life of a job is the transition table', (t) => {
  const drawn = [...design.matchAll(/^ {4}(\w+) --> (\w+): (\w+)$/gm)].map(
    ([, from, to, step]) => `${from} ${step} ${to}`,
  );
  const table = Object.entries(lifecycle).flatMap(([from, steps]) =>
    Object.entries(steps).map(([step, to]) => `${from} ${step} ${to}`),
  );
  t.same(drawn.sort(), table.sort());
  t.end();
});

t.test('every file that the design page names is there', (t) => {
  const sources = readdirSync(resolve(root, 'src'), { recursive: true, encoding: 'utf8' }).map(
    (file) => `/src/${file}`,
  );
  const named = [...design.matchAll(/`([\w/-]+\.ts)`/g)].map(([, file]) => file as string);
  t.ok(named.length > 40);
  t.same(
    named.filter((file) => !existsSync(resolve(root, file)) && !sources.some((source) => source.endsWith(`/${file}`))),
    [],
  );
  t.end();
});

t.test('the way of an attempt is drawn alike on the design page and at the head of the pool', (t) => {
  const squeezed = (drawing = ''): string[] => drawing.split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
  const [, drawn] = /as at the head of `pool\/pool\.ts`:\n\n```\n([\s\S]*?)\n```/.exec(design) ?? [];
  const head = readFileSync(resolve(root, 'src/pool/pool.ts'), 'utf8').replace(/^ \* ?/gm, '');
  const [, there] = /\n\n( *dispatch +pool\.ts\n[\s\S]*?)\n ?\*?\//.exec(head) ?? [];
  t.ok(squeezed(drawn).length > 20);
  t.same(squeezed(drawn), squeezed(there));
  t.end();
});

t.test('every option that it names exists, and every option is named', (t) => {
  const help = spawnSync(process.execPath, [resolve(root, 'dist/src/cli.js'), 'start', '--help'], { encoding: 'utf8' });
  const options = (text: string): string[] => [
    ...new Set([...text.matchAll(/(--[a-z][a-z-]+)/g)].map(([option]) => option)),
  ];
  const table = readme.slice(readme.indexOf('## Options'), readme.indexOf('## More'));
  const offered = options(help.stdout).filter((option) => option !== '--help');
  t.ok(offered.length > 10);
  t.same(
    options(table)
      .filter((option) => option !== '--help')
      .sort(),
    offered.sort(),
  );
  t.end();
});

t.test('every command is in the page about them, and its help ends with an example', (t) => {
  const page = readFileSync(resolve(root, 'docs/cli.md'), 'utf8');
  const help = (words: readonly string[]): string =>
    spawnSync(process.execPath, [resolve(root, 'dist/src/cli.js'), ...words, '--help'], { encoding: 'utf8' }).stdout;
  // The first help has groups of commands, the others one list.
  const commandsOf = (text: string): string[] => {
    const at = text.search(/\n(?:Commands|Jobs):\n/);
    return at < 0 ? [] : [...text.slice(at).matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name as string);
  };
  let leaves = 0;
  const visit = (words: readonly string[]): void => {
    const text = help(words);
    const children = commandsOf(text).filter((name) => name !== 'help');
    for (const child of children) visit([...words, child]);
    if (children.length > 0) return;
    leaves++;
    t.ok(page.includes(`\`escapement ${words.join(' ')}`), words.join(' '));
    t.match(text, /\nExamples?:\n {2}\S/, `${words.join(' ')} --help`);
  };
  visit([]);
  t.ok(leaves > 35, `${leaves} commands`);
  t.end();
});

t.test('every file that it links to is there, and every promise has a test', (t) => {
  for (const [, path] of readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) t.ok(existsSync(resolve(root, path!)), path!);
  const promises = readme.slice(readme.indexOf('## What is promised'), readme.indexOf('## Options'));
  for (const promise of promises.split(/^\d+\. /m).slice(1)) t.match(promise, /\]\(test\//);
  t.end();
});
