/** Every recipe of docs/recipes.md is run, as it stands there: its handler, its commands, and what they print. */
import { spawn } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import t from 'tap';
import { document, fileIn, programs, root } from './support/documents.js';
import { freePort } from './support/network.js';
import { startServer, temporary } from './support/server.js';

t.setTimeout(240_000);

interface Block {
  readonly language: string;
  /** Behind the language. */
  readonly file: string;
  readonly text: string;
}

interface Recipe {
  readonly title: string;
  readonly blocks: readonly Block[];
}

function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```(\w*) ?(\S*)\n([\s\S]*?)^```$/gm)].map(([, language = '', file = '', body = '']) => ({
    language,
    file,
    text: body,
  }));
}

const recipes: readonly Recipe[] = document('recipes.md')
  .split(/^### /m)
  .slice(1)
  .map((text) => ({ title: text.slice(0, text.indexOf('\n')), blocks: blocksOf(text) }));

/** What an output must be, where `…` stands for anything within a line. */
function pattern(output: string): RegExp {
  const escaped = output.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('…', '.*')}$`);
}

/** A program as the recipes call it. */
function onPath(): string {
  const folder = temporary('bin');
  const file = join(folder, 'escapement');
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist/src/cli.js')}' "$@"\n`);
  chmodSync(file, 0o755);
  return folder;
}

/** The receiver of docs/http.md, on this port. */
async function receive(port: number, secret: string): Promise<void> {
  const source = fileIn('http.md', 'receiver.mjs').replace(
    'listen(3000)',
    `listen(${port}, () => console.log('listens'))`,
  );
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    cwd: root,
    env: { ...process.env, WEBHOOK_SECRET: secret },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill());
  await new Promise((resolve) => child.stdout.once('data', resolve));
}

/** @param enough a script that runs on is ended once its output is that */
function bash(
  script: string,
  env: NodeJS.ProcessEnv,
  enough: (stdout: string) => boolean = () => false,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn('bash', ['-euc', script], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  // With all that it has started.
  const end = (): void => void process.kill(-(child.pid as number), 'SIGTERM');
  const limit = setTimeout(end, 60_000);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    if (enough(stdout)) end();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  return new Promise((resolve) =>
    child.once('close', (code) => {
      clearTimeout(limit);
      resolve({ code, stdout, stderr });
    }),
  );
}

t.test('the recipes', programs({ jq: 'jq', curl: 'curl' }), async (t) => {
  t.ok(recipes.length >= 20, `${recipes.length} recipes`);
  const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
  const port = await freePort();
  await receive(port, secret);
  const own = recipes
    .flatMap(({ blocks }) => blocks)
    .filter(({ language }) => language === 'js')
    .map(({ file, text }) => [/^jobs\/(\w+)\.mjs$/.exec(file)?.[1] ?? '', text] as const);
  const server = await startServer({
    // The types that every reader has.
    handlers: {
      ...Object.fromEntries(['email', 'report', 'sync'].map((name) => [name, 'export default () => {};'])),
      ...Object.fromEntries(own),
    },
    args: ['--http-target', `http://localhost:${port}`, '--http-secret', secret],
  });
  const env = {
    ...process.env,
    PATH: `${onPath()}${delimiter}${process.env.PATH}`,
    ESCAPEMENT_URL: server.url,
  };
  for (const { title, blocks } of recipes) {
    for (const [at, { language, file, text }] of blocks.entries()) {
      if (language !== 'sh') continue;
      const output = blocks[at + 1];
      t.equal(output?.language, 'text', `${title}: what it prints is shown`);
      const expected = pattern(output?.text ?? '');
      const follows = file === 'follow';
      const script = text.replaceAll('localhost:3000', `localhost:${port}`);
      const { code, stdout, stderr } = await bash(script, env, (so) => follows && expected.test(so.trim()));
      t.same([code, stderr], [follows ? null : 0, ''], title);
      t.match(stdout.trim(), expected, title);
    }
    t.ok(
      blocks.some(({ language }) => language === 'sh'),
      `${title}: has a command`,
    );
  }
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [most] = blocksOf(readme.slice(readme.indexOf('What people ask for most')));
  const { code, stdout, stderr } = await bash(
    (most?.text ?? '').replaceAll('localhost:3000', `localhost:${port}`),
    env,
  );
  t.same([code, stderr], [0, ''], 'those of the README');
  t.equal(stdout.trim().split('\n').length, 5);
});
