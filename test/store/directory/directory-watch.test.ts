/** Whether the directory and its files are still those that were opened, with looks that are made up. */
import t from 'tap';
import { DirectoryWatch, type Look } from '../../../src/store/directory/directory-watch.js';

const failure = (code: string): Error => Object.assign(new Error(`${code}: a made-up failure`), { code });

/** A watch whose looks are answered by `world` and made by `look`; what it says is in `said`. */
async function watched() {
  const world = new Map<string, string | Error>([
    ['/d', 'a'],
    ['/d/data.mdb', 'b'],
    ['/d/data.mdb-lock', 'c'],
    ['/d/journal', 'j'],
  ]);
  const said: string[] = [];
  let due: (() => void) | undefined;
  let closed = false;
  const identify: Look = async (path) => {
    const found = world.get(path);
    if (found === undefined || found instanceof Error) throw found ?? failure('ENOENT');
    return found;
  };
  const watch = await DirectoryWatch.start({
    path: '/d',
    directory: 'a',
    log: {
      warn: (fields: object | string, message?: string) => void said.push(`warn ${JSON.stringify(fields)} ${message}`),
      info: (fields: object | string, message?: string) => void said.push(`info ${JSON.stringify(fields)} ${message}`),
    },
    gone: (reason) => void said.push(`gone ${reason}`),
    identify,
    every: (run) => {
      due = run;
      return () => {
        closed = true;
      };
    },
  });
  const look = async () => {
    due!();
    await watch.looked;
  };
  return { world, said, look, watch, isClosed: () => closed };
}

t.test('nothing is said while all is as it was', async (t) => {
  const { said, look } = await watched();
  await look();
  await look();
  t.same(said, []);
});

t.test('what is gone or another is told once, and no further look is taken', async (t) => {
  for (const [path, now, reason] of [
    ['/d', failure('ENOENT'), /^gone the data directory \/d was moved or deleted/],
    ['/d', failure('ENOTDIR'), /^gone the data directory \/d was moved or deleted/],
    ['/d', failure('ESTALE'), /^gone the data directory \/d was moved or deleted/],
    ['/d', 'z', /^gone the data directory \/d was replaced by another/],
    ['/d/data.mdb', failure('ENOENT'), /^gone \/d\/data\.mdb was moved or deleted/],
    ['/d/data.mdb', 'z', /^gone \/d\/data\.mdb was replaced by another/],
    ['/d/data.mdb-lock', 'z', /^gone \/d\/data\.mdb-lock was replaced by another/],
    ['/d/journal', failure('ENOENT'), /^gone \/d\/journal was moved or deleted/],
  ] as const) {
    const { world, said, look, isClosed } = await watched();
    world.set(path, now);
    await look();
    await look();
    t.equal(said.length, 1, said.join('\n'));
    t.match(said[0], reason);
    t.ok(isClosed());
  }
});

t.test('a look that fails for another reason ends nothing: it is told once, and its end as well', async (t) => {
  for (const code of ['EACCES', 'EIO', 'EINTR', 'EMFILE']) {
    const { world, said, look } = await watched();
    world.set('/d', failure(code));
    await look();
    await look();
    t.equal(said.length, 1, said.join('\n'));
    t.match(said[0], new RegExp(`^warn .*"path":"/d".*${code}.*cannot be looked at`));
    world.set('/d', 'a');
    await look();
    await look();
    t.equal(said.length, 2);
    t.match(said[1], /^info .*can be looked at again/);
    world.set('/d', 'z');
    await look();
    t.match(said[2], /^gone .*replaced/);
  }
});

t.test('a look that hangs is not followed by another', async (t) => {
  let looks = 0;
  let due: (() => void) | undefined;
  let answer: ((identity: string) => void) | undefined;
  const identify: Look = (path) => {
    if (path !== '/d') return Promise.resolve(path);
    looks += 1;
    return new Promise((found) => {
      answer = found;
    });
  };
  const watch = await DirectoryWatch.start({
    path: '/d',
    directory: 'a',
    log: { warn: () => {}, info: () => {} },
    gone: () => t.fail('nothing is gone'),
    identify,
    every: (run) => {
      due = run;
      return () => {};
    },
  });
  due!();
  due!();
  due!();
  t.equal(looks, 1);
  answer!('a');
  await watch.looked;
  due!();
  t.equal(looks, 2);
  watch.close();
});

t.test('after close nothing is told, not even by a look that is under way', async (t) => {
  const { world, said, look, watch, isClosed } = await watched();
  world.set('/d', 'z');
  const looking = look();
  watch.close();
  await looking;
  t.ok(isClosed());
  t.same(said, []);
});
