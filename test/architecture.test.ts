/**
 * The shape of the sources: which folder may import which, no cycles, no barrels, no file too long to have one subject, no
 * folder too full to be overlooked.
 * Reads the text of src/; an import counts whether it is for values or for types.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const SRC = join(ROOT, 'src');
const MAX_LINES = 400;
const MAX_FILES = 15;

/** What each layer may import beside itself. A layer is a folder of src/, or a file at its top. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  domain: [],
  // Shapes of values from outside, and the library that checks them.
  schema: [],
  clock: ['domain'],
  log: ['domain', 'clock', 'config'],
  config: ['domain'],
  telemetry: ['within', 'domain'],
  store: ['within', 'plain-thread', 'domain', 'clock', 'log', 'telemetry', 'config'],
  timer: ['domain', 'clock', 'log', 'config'],
  pool: ['within', 'domain', 'schema', 'clock', 'log', 'telemetry', 'config'],
  scheduler: ['domain', 'clock', 'log', 'telemetry', 'config', 'store', 'timer', 'pool'],
  // The description of the API: what is asked, answered and published, as schemas, checks and texts.
  api: ['domain', 'schema', 'scheduler'],
  // Nodes, what they own, and how they ask each other.
  cluster: [
    'within',
    'domain',
    'clock',
    'log',
    'telemetry',
    'config',
    'store',
    'timer',
    'pool',
    'scheduler',
    'shard',
    'api',
  ],
  server: ['domain', 'schema', 'clock', 'log', 'telemetry', 'config', 'scheduler', 'store', 'api', 'cluster'],
  shutdown: ['domain', 'clock', 'log', 'config', 'store', 'timer', 'pool', 'scheduler', 'server'],
  process: ['within', 'plain-thread'],
  shard: ['scheduler', 'store', 'timer'],
  health: ['log', 'store', 'pool', 'scheduler', 'server'],
  // It runs in the programs of others: of the server it knows nothing.
  client: [],
  // What the metrics look up.
  figures: ['domain', 'clock', 'telemetry', 'store', 'pool', 'scheduler'],
  // Handlers and tokens are read anew.
  reload: ['log', 'telemetry', 'schema', 'pool', 'server'],
  // Requests as jobs: the rules, the thread that sends, and its pool beside that of the handlers.
  'http-type': ['domain', 'schema', 'telemetry', 'config', 'pool'],
  // The pool of a server, with that or without.
  pools: ['log', 'telemetry', 'config', 'pool', 'http-type'],
  late: [],
  within: [],
  // What worker threads of ours are started with.
  'plain-thread': [],
  // Figures of the whole server.
  overview: ['domain', 'shard', 'clock', 'log', 'telemetry', 'config', 'store', 'pool', 'scheduler'],
  // What a start loads as far as it is asked for.
  libraries: ['telemetry', 'config', 'server'],
  // The start of a node of a cluster: loaded only where one is asked for.
  node: [
    'reload',
    'cluster',
    'overview',
    'libraries',
    'process',
    'health',
    'figures',
    'late',
    'domain',
    'clock',
    'log',
    'telemetry',
    'config',
    'shard',
    'store',
    'timer',
    'pool',
    'pools',
    'scheduler',
    'server',
    'shutdown',
  ],
  startup: [
    'node',
    'cluster',
    'overview',
    'libraries',
    'process',
    'health',
    'figures',
    'late',
    'domain',
    'clock',
    'log',
    'telemetry',
    'config',
    'shard',
    'store',
    'timer',
    'pool',
    'pools',
    'scheduler',
    'server',
    'shutdown',
    'reload',
  ],
  main: ['process', 'config', 'startup'],
  // The entry of the program, which loads the rest once signals are heard.
  cli: ['process', 'domain', 'config', 'client', 'store', 'cluster', 'server', 'http-type', 'main'],
};
/** These assemble the settings; everybody else is handed them and knows their types only. */
const READS_SETTINGS = ['config', 'startup', 'main', 'cli'];
/** The server reads the store through its queries; whatever changes something goes through the scheduler. */
const QUERIES = 'store/queries-port.ts';
/** The scheduler speaks of jobs, and of the store it knows what that takes and gives: nothing that is made of bytes. */
const JOB_PORT = 'store/port.ts';
/** Numbers and texts as bytes, checksums. Only the formats are made of these; others ask a format by what it means. */
const BYTES = ['store/format/bytes.ts', 'store/format/numbers.ts'];
/** The rooms of the store: folders of src/store/, or files at its top. Each may import those before it. */
const STORE_ROOMS = [
  'port',
  'queries-port',
  'damage-log',
  'format',
  'kv',
  'log',
  'trees',
  'state',
  'check',
  'directory',
  'thread',
  'postgres',
];

/**
 * The rooms of the pool and what each may import: what both threads use, the worker thread's side, how what comes from
 * there is checked, and the main thread's side, which is the files at the top of src/pool/.
 */
const POOL_ROOMS: Record<string, readonly string[]> = {
  shared: [],
  worker: ['shared'],
  incoming: ['shared'],
  main: ['shared', 'incoming'],
};
/** Attempts go in and outcomes come out: of the pool, the scheduler knows no more. */
const POOL_PORT = 'pool/port.ts';

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

type Sources = ReadonlyMap<string, string>;

const IMPORTS = [
  /^\s*(?:import|export)\s+(?<type>type\s)?[^'"`;]*?\bfrom\s*['"](?<path>[^'"]+)['"]/gm,
  /^\s*import\s*['"](?<path>[^'"]+)['"]/gm,
  /^(?!\s*(?:\*|\/\/)).*?\bimport\(\s*['"](?<path>[^'"]+)['"]/gm,
];

/** The imports of one file that stay inside the project, as paths below src/. */
function importsOf(file: string, text: string): Import[] {
  return IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)]).flatMap(({ groups }) => {
    const path = groups?.path ?? '';
    if (!path.startsWith('.')) return [];
    const to = posix.join(posix.dirname(file), path).replace(/\.js$/, '.ts');
    return [{ from: file, to, typeOnly: groups?.type !== undefined }];
  });
}

const layerOf = (file: string): string => file.replace(/\.ts$/, '').split('/')[0] ?? '';

const roomOf = (file: string): string => layerOf(posix.relative('store', file));

function poolRoomOf(file: string): string {
  const folder = posix.dirname(posix.relative('pool', file));
  return folder === '.' ? 'main' : folder;
}

function checkRooms({ from, to }: Import): string[] {
  const [source, target] = [roomOf(from), roomOf(to)];
  if (source === target || STORE_ROOMS.indexOf(target) < STORE_ROOMS.indexOf(source)) return [];
  return [`${from} imports ${to}: in the store, ${source} may not know ${target}`];
}

function checkBytes({ from, to }: Import): string[] {
  if (!BYTES.includes(to) || roomOf(from) === 'format') return [];
  return [`${from} imports ${to}: store/format/ alone may know bytes`];
}

function checkPoolRooms({ from, to }: Import): string[] {
  const [source, target] = [poolRoomOf(from), poolRoomOf(to)];
  if (source === target || POOL_ROOMS[source]?.includes(target)) return [];
  return [`${from} imports ${to}: in the pool, ${source} may not know ${target}`];
}

function checkDirection(one: Import): string[] {
  const { from, to, typeOnly } = one;
  const [source, target] = [layerOf(from), layerOf(to)];
  if (to.startsWith('../')) return [`${from} imports ${to}, outside src/`];
  if (source === target)
    return source === 'store' ? [...checkRooms(one), ...checkBytes(one)] : source === 'pool' ? checkPoolRooms(one) : [];
  if (!MAY_IMPORT[source]?.includes(target)) return [`${from} imports ${to}: ${source} may not know ${target}`];
  if (target === 'config' && !typeOnly && !READS_SETTINGS.includes(source)) {
    return [`${from} imports more than types from ${to}`];
  }
  if (source === 'server' && target === 'store' && to !== QUERIES) {
    return [`${from} imports ${to}: of the store, the server may know the queries only`];
  }
  if (source === 'scheduler' && target === 'store' && to !== JOB_PORT)
    return [`${from} imports ${to}: of the store, the scheduler may know its port only`];
  if (source === 'scheduler' && target === 'pool' && to !== POOL_PORT)
    return [`${from} imports ${to}: of the pool, the scheduler may know ${POOL_PORT} only`];
  return [];
}

/** Every cycle that a depth-first walk closes, named from its first file in the alphabet. */
function findCycles(files: Iterable<string>, imports: readonly Import[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const cycles = new Set<string>();
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      const cycle = path.slice(start);
      const first = cycle.indexOf([...cycle].sort()[0] ?? file);
      const turned = [...cycle.slice(first), ...cycle.slice(0, first)];
      cycles.add(`a cycle: ${[...turned, turned[0]].join(' -> ')}`);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const next of targets.get(file) ?? []) walk(next);
    path.pop();
    done.add(file);
  };
  for (const file of files) walk(file);
  return [...cycles];
}

/** Folders with more files than one overlooks. */
function findFullFolders(files: Iterable<string>): string[] {
  const counts = new Map<string, number>();
  for (const file of files) counts.set(posix.dirname(file), (counts.get(posix.dirname(file)) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > MAX_FILES)
    .map(([folder, count]) => `${folder} has ${count} files, more than ${MAX_FILES}`);
}

/** Everything in the sources that breaks a rule, one sentence each. */
function findViolations(sources: Sources): string[] {
  const imports = [...sources].flatMap(([file, text]) => importsOf(file, text));
  const violations = imports.flatMap(checkDirection);
  for (const [file, text] of sources) {
    if (MAY_IMPORT[layerOf(file)] === undefined) violations.push(`${file} is in no layer: give it one in this test`);
    if (layerOf(file) === 'store' && !STORE_ROOMS.includes(roomOf(file)))
      violations.push(`${file} is in no room of the store: give it one in this test`);
    if (layerOf(file) === 'pool' && POOL_ROOMS[poolRoomOf(file)] === undefined)
      violations.push(`${file} is in no room of the pool: give it one in this test`);
    const reexports = /^\s*export\s+(?:type\s+)?(?:\*|\{[^}]*\}\s*from\b)/m.test(text);
    if (reexports && posix.basename(file) === 'index.ts') violations.push(`${file} is a barrel`);
    if (/^\s*export\s+(?:type\s+)?\*/m.test(text)) violations.push(`${file} passes on whole files with export *`);
    const lines = text.trimEnd().split('\n').length;
    if (lines > MAX_LINES) violations.push(`${file} has ${lines} lines, more than ${MAX_LINES}`);
  }
  return [...violations, ...findFullFolders(sources.keys()), ...findCycles(sources.keys(), imports)];
}

function readSources(): Sources {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return new Map(files.map((file) => [file.split(sep).join('/'), readFileSync(join(SRC, file), 'utf8')]));
}

t.test('the sources keep to the architecture', async (t) => {
  const sources = readSources();
  t.ok(sources.size > 0, 'there are sources');
  t.same(findViolations(sources), []);
});

t.test('no other file is too long, either', async (t) => {
  const folders = ['test', 'bench', 'dashboard/src', 'workers', 'scripts'];
  const files = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:ts|tsx|mjs)$/.test(file) && !file.includes('node_modules'))
      .map((file) => join(folder, file)),
  );
  t.ok(files.length > 300);
  const lengthOf = (file: string): number => readFileSync(join(ROOT, file), 'utf8').trimEnd().split('\n').length;
  t.same(
    files.filter((file) => lengthOf(file) > MAX_LINES),
    [],
  );
});

t.test('the map of the design page has every layer, below all that it may import', async (t) => {
  const page = readFileSync(join(ROOT, 'docs/design.md'), 'utf8');
  const [, map = ''] = /^## The map\n([\s\S]*?)^## /m.exec(page) ?? [];
  const rows = [...map.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  );
  const inSources = readdirSync(SRC, { withFileTypes: true }).map((one) =>
    one.isDirectory() ? `${one.name}/` : one.name,
  );
  t.same(rows.flat().sort(), inSources.sort());
  const above = new Set<string>();
  for (const row of rows) {
    const layers = row.map((name) => name.replace(/\/$|\.ts$/, ''));
    const known = new Set([...above, ...layers]);
    for (const layer of layers)
      t.same(
        MAY_IMPORT[layer]?.filter((other) => !known.has(other)) ?? ['no layer'],
        [],
        `${layer} imports from above`,
      );
    for (const layer of layers) above.add(layer);
  }
});

t.test('the library of PostgreSQL is loaded where a store there is opened, and nowhere else', async (t) => {
  const loading = [...readSources()].flatMap(([file, text]) => {
    const names = [...text.matchAll(/^(?!\s*(?:\*|\/\/)).*?(await import\(|from )'(?:pg|pg-copy-streams)'/gm)];
    return names.filter(([line]) => !line.startsWith('import type ')).map(([, how]) => `${file}: ${how}`);
  });
  const expected = ['connections', 'copying'].map((name) => `store/postgres/pg/${name}.ts: await import(`);
  t.same(loading.sort(), expected);
});

t.test('the checks see what they are for', async (t) => {
  const cases: [what: string, files: Record<string, string>, expected: RegExp][] = [
    ['upward', { 'domain/job.ts': "import { now } from '../clock.js';" }, /domain may not know clock/],
    ['sideways', { 'store/kv/a.ts': "import type { B } from '../../timer/b.js';" }, /store may not know timer/],
    ['several lines', { 'pool/a.ts': "import {\n  b,\n} from '../server/b.js';" }, /pool may not know server/],
    ['by export', { 'timer/a.ts': "export { b } from '../scheduler/b.js';" }, /timer may not know scheduler/],
    ['for its effect', { 'server/a.ts': "import '../main.js';" }, /server may not know main/],
    ['at run time', { 'scheduler/a.ts': "const b = await import('../server/b.js');" }, /scheduler may not know server/],
    ['in a type', { 'domain/a.ts': "let b: import('../store/b.js').B;" }, /domain may not know store/],
    ['outside', { 'pool/a.ts': "import a from '../../workers/a.js';" }, /outside src/],
    ['store internals', { 'server/a.ts': "import { kv } from '../store/kv/kv.js';" }, /the queries only/],
    ['bytes', { 'scheduler/a.ts': "import { seal } from '../store/format/layout.js';" }, /its port only/],
    ['rooms', { 'store/format/a.ts': "import type { Kv } from '../kv/kv.js';" }, /format may not know kv/],
    ['numbers', { 'store/trees/a.ts': "import { key } from '../format/numbers.js';" }, /format\/ alone may know bytes/],
    ['no room', { 'store/a.ts': 'export {};' }, /no room/],
    ['worker to main', { 'pool/worker/a.ts': "import type { B } from '../b.js';" }, /worker may not know main/],
    ['main to worker', { 'pool/a.ts': "import { b } from './worker/b.js';" }, /main may not know worker/],
    ['shared to worker', { 'pool/shared/a.ts': "import { b } from '../worker/b.js';" }, /shared may not know worker/],
    ['no room of the pool', { 'pool/native/a.ts': 'export {};' }, /no room of the pool/],
    ['pool internals', { 'scheduler/a.ts': "import { P } from '../pool/pool.js';" }, /port.ts only/],
    ['settings', { 'store/kv/a.ts': "import { read } from '../../config.js';" }, /more than types/],
    ['no layer', { 'utils/a.ts': 'export {};' }, /no layer/],
    ['barrel', { 'pool/index.ts': "export { a } from './a.js';" }, /is a barrel/],
    ['star', { 'pool/all.ts': "export * from './a.js';" }, /whole files/],
    ['too full', Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`timer/a${i}.ts`, 'x'])), /has 16 files/],
    ['too long', { 'pool/a.ts': 'x\n'.repeat(MAX_LINES + 1) }, /has 401 lines/],
    ['itself', { 'pool/a.ts': "import type { A } from './a.js';" }, /a cycle: pool\/a.ts -> pool\/a.ts/],
    [
      'round',
      {
        'pool/c.ts': "import { a } from './a.js';",
        'pool/a.ts': "import { b } from './b.js';",
        'pool/b.ts': "import type { C } from './c.js';",
      },
      /a cycle: pool\/a.ts -> pool\/b.ts -> pool\/c.ts -> pool\/a.ts/,
    ],
  ];
  for (const [what, files, expected] of cases) {
    const found = findViolations(new Map(Object.entries(files)));
    t.equal(found.length, 1, `${what}: one violation`);
    t.match(found[0], expected, what);
  }
});

t.test('what is allowed passes', async (t) => {
  const fine = {
    'domain/job.ts': "import { a } from './lifecycle.js';\n * import('../main.js')\n// import('../main.js')",
    'domain/lifecycle.ts': "import { randomBytes } from 'node:crypto';",
    'store/thread/writer.ts': "import type { Config } from '../../config.js';\nimport { clock } from '../../clock.js';",
    'store/trees/a.ts': "import type { Kv } from '../kv/kv.js';\nimport { DamagedRecord } from '../port.js';",
    'store/queries-port.ts': "import type { Job } from '../domain/job.js';",
    'scheduler/actor.ts': "import { DamagedRecord } from '../store/port.js';",
    'pool/worker/a.ts': "import { slots } from '../shared/slots.js';",
    'server/lists.ts': "import type { Queries } from '../store/queries-port.js';",
    'startup.ts': "import { read } from './config.js';\nimport { kv } from './store/thread/writer.js';",
    'main.ts': "import { start } from './startup.js';",
    'pool/a.ts': 'x\n'.repeat(MAX_LINES),
  };
  t.same(findViolations(new Map(Object.entries(fine))), []);
});
