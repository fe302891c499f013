import t from 'tap';
import { ThreadLife } from '../../src/pool/thread-life.js';

t.test('a thread is ready once, unless its end comes first', (t) => {
  const life = new ThreadLife();
  t.match(life, { state: 'starting', wasReady: false });
  t.ok(life.ready());
  t.match(life, { state: 'ready', wasReady: true });
  t.notOk(life.ready());
  const refused = new ThreadLife();
  refused.end();
  t.notOk(refused.ready());
  t.match(refused, { state: 'ending', wasReady: false });
  t.end();
});

t.test('its end may begin for several reasons, and is not undone', (t) => {
  const life = new ThreadLife();
  life.ready();
  life.end();
  life.end();
  t.match(life, { state: 'ending', wasReady: true, isOver: false });
  life.over(false);
  life.end();
  t.match(life, { state: 'ended', isOver: true });
  t.end();
});

t.test('one that native code holds lingers until it is gone', (t) => {
  const life = new ThreadLife();
  life.ready();
  life.end();
  life.over(true);
  life.end();
  t.match(life, { state: 'lingering', isOver: true });
  life.gone();
  t.equal(life.state, 'ended');
  t.end();
});
