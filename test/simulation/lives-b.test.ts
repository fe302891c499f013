import t from 'tap';
import { liveSeeds } from './seeds.js';

t.test('a thousand lives of the server, with every invariant held after every step', (t) => {
  liveSeeds(t, 1001, 1000);
  t.end();
});
