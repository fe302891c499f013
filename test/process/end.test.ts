import t from 'tap';
import { ProcessEnd } from '../../src/process/end.js';

function make(logSettles = true) {
  const seen: string[] = [];
  const end = new ProcessEnd({
    logSettled: () => Promise.resolve(logSettles),
    onHeld: () => seen.push('held'),
    exit: (code) => void seen.push(`exit ${code}`),
    kill: () => void seen.push('kill'),
  });
  end.first(() => seen.push('closed'));
  return { end, seen };
}

t.test('it exits with the code of the first call when all threads are gone', async (t) => {
  const { end, seen } = make();
  end.threads(() => Promise.resolve(true));
  const ended = end.end(0);
  t.same(seen, ['closed'], 'within the call');
  await Promise.all([ended, end.end(1)]);
  t.same(seen, ['closed', 'exit 0']);
});

t.test('it kills itself when a thread is held, never ends, or cannot be ended', async (t) => {
  const never = () => new Promise<boolean>(() => {});
  for (const threads of [() => Promise.resolve(false), () => Promise.reject(new Error('no')), never]) {
    const { end, seen } = make();
    end.threads(() => Promise.resolve(true));
    end.threads(threads);
    await end.end(1);
    t.same(seen, ['closed', 'held', 'kill']);
  }
});

t.test('it kills itself when a write of the log hangs', async (t) => {
  const { end, seen } = make(false);
  await end.end(0);
  t.same(seen, ['closed', 'kill']);
});
