/** Which node a process was before it started anew. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FormerSelf } from '../../../src/cluster/standing/former-self.js';

t.test('the node that was noted last, on the same boot', async (t) => {
  const directory = t.testdir();
  const first = new FormerSelf(directory, 'monday');
  t.equal(first.node, undefined);
  first.note('one');
  first.note('two');
  t.equal(first.node, undefined, 'it is what was before');
  t.equal(new FormerSelf(directory, 'monday').node, 'two');
  t.equal(new FormerSelf(directory, 'tuesday').node, undefined, 'another boot may be that of another machine');
  t.same(readdirSync(directory), ['node.json']);
});

t.test('what cannot be read or written says nothing', async (t) => {
  const directory = t.testdir();
  for (const text of ['', '{', 'null', '{"boot":"monday"}', '{"boot":"monday","node":5}']) {
    writeFileSync(join(directory, 'node.json'), text);
    t.equal(new FormerSelf(directory, 'monday').node, undefined, text);
  }
  const gone = new FormerSelf(join(directory, 'gone'), 'monday');
  t.match(gone.note('one'), /ENOENT/, 'it says why nothing is noted');
  t.equal(gone.node, undefined);
  t.type(new FormerSelf(directory).node, 'undefined');
});
