/** For how long, and for how much, pages wait while another node loads their shard. */
import t from 'tap';
import { heldAtMost, PageHold } from '../../../src/store/postgres/page-hold.js';

function begin() {
  const at = { now: 1000 };
  const hold = new PageHold({ monotonic: () => at.now });
  return { at, hold };
}

t.test('pages wait as long as somebody says so', async (t) => {
  const { at, hold } = begin();
  t.notOk(hold.isOn);
  hold.extend(4000);
  t.ok(hold.isOn);
  at.now = 3999;
  hold.extend(6000);
  at.now = 5999;
  t.ok(hold.isOn);
  at.now = 6000;
  t.notOk(hold.isOn);
  hold.extend(9000);
  hold.end();
  t.notOk(hold.isOn);
});

const bounds: readonly [what: string, reach: (hold: PageHold, at: { now: number }) => void][] = [
  ['time', (_, at) => void (at.now += heldAtMost.ms)],
  ['commits', (hold) => hold.committed(heldAtMost.commitBytes)],
  ['lines', (hold) => hold.linesCame(heldAtMost.lineBytes)],
];

for (const [what, reach] of bounds)
  t.test(`no longer than its bounds, though somebody says so all the time: ${what}`, async (t) => {
    const { at, hold } = begin();
    hold.extend(at.now + 10 * heldAtMost.ms);
    t.ok(hold.isOn);
    reach(hold, at);
    t.notOk(hold.isOn);
    hold.extend(at.now + 10 * heldAtMost.ms);
    t.notOk(hold.isOn, 'and it does not begin anew by that');
    hold.isGiving = true;
    t.ok(hold.isOn, 'but while the shard is given away');
    hold.isGiving = false;
    at.now += 11 * heldAtMost.ms;
    hold.extend(at.now + 1);
    t.ok(hold.isOn, 'later another may load it');
  });
