/** A failover loses what was acknowledged: that is noticed. */
import t from 'tap';
import { withoutStandby } from '../../support/postgres.js';
import { lagging } from './lagging.js';

t.setTimeout(290_000);

t.test('the loss is noticed, and what is there is whole', { skip: withoutStandby }, (t) => lagging(t, async () => {}));
