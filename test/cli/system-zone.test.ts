/** The zone of the machine, by each form that TZ may have. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { systemZone } from '../../src/cli/system-zone.js';
import { zoneNamed } from '../../src/domain/time/zone.js';
import { Client } from '../support/client.js';
import { runCli, startServer, temporary } from '../support/server.js';

t.setTimeout(180_000);

t.test('forms of TZ that a zone of the database is', async (t) => {
  const table: [tz: string, zone: string][] = [
    ['Europe/Berlin', 'Europe/Berlin'],
    [':Europe/Berlin', 'Europe/Berlin'],
    ['posix/Europe/Berlin', 'Europe/Berlin'],
    ['/usr/share/zoneinfo/Europe/Berlin', 'Europe/Berlin'],
    [':/usr/share/zoneinfo/Europe/Berlin', 'Europe/Berlin'],
    ['/usr/share/zoneinfo/right/America/Argentina/Ushuaia', 'America/Argentina/Ushuaia'],
    ['/var/db/timezone/zoneinfo/Asia/Tokyo', 'Asia/Tokyo'],
    ['US/Pacific', 'US/Pacific'],
    ['EST5EDT', 'EST5EDT'],
    ['CET', 'CET'],
    ['GB', 'GB'],
    ['UTC', 'UTC'],
    ['', 'UTC'],
    [':', 'UTC'],
    ['UTC0', 'UTC'],
    ['GMT0', 'GMT0'],
    ['<+00>-0', 'UTC'],
    ['JST-9', 'Etc/GMT-9'],
    ['<+03>-3', 'Etc/GMT-3'],
    ['<-03>3', 'Etc/GMT+3'],
    ['MSK-03:00', 'Etc/GMT-3'],
    ['GMT+3', 'Etc/GMT+3'],
  ];
  for (const [tz, zone] of table) t.equal(systemZone(tz), zone, JSON.stringify(tz));
});

t.test('a link to a file of the database', async (t) => {
  const folder = temporary('zone');
  const link = join(folder, 'localtime');
  mkdirSync(join(folder, 'zoneinfo/Europe'), { recursive: true });
  writeFileSync(join(folder, 'zoneinfo/Europe/Berlin'), 'TZif2');
  symlinkSync(join(folder, 'zoneinfo/Europe/Berlin'), link);
  t.equal(systemZone(link), 'Europe/Berlin');
});

t.test('forms that no zone of the database is are refused, not taken for UTC', async (t) => {
  const copy = join(temporary('zone'), 'copy');
  writeFileSync(copy, 'TZif2');
  for (const tz of [
    'CET-1CEST,M3.5.0,M10.5.0/3',
    'EST5EDT,M3.2.0,M11.1.0',
    'AEST-10AEDT',
    'IST-5:30',
    'XYZ-15',
    'XYZ+13',
    'BST',
    'PST',
    'IST',
    'Nowhere/Land',
    'europe/berlin',
    ' Europe/Berlin',
    '+08:00',
    'Factory',
    'localtime',
    'Etc/Unknown',
    copy,
    '/no/such/file',
    '/usr/share/zoneinfo/Nowhere/Land',
  ]) {
    const message = /not in the IANA database: set --timezone or ESCAPEMENT_TIMEZONE to a name such as /;
    t.throws(() => systemZone(tz), { message }, JSON.stringify(tz));
  }
});

t.test('without TZ it is that of the machine', async (t) => {
  t.not(zoneNamed(systemZone(undefined)), undefined);
});

t.test('a start with a zone that has no name ends in one line; with --timezone it does not look at TZ', async (t) => {
  const env = { TZ: 'CET-1CEST,M3.5.0,M10.5.0/3' };
  const { code, stdout, stderr } = await runCli(['start', '--data-dir', join(temporary(), 'store')], env);
  t.same([code, stdout], [2, '']);
  t.match(stderr, /^escapement: the time zone in TZ, "CET-1CEST,M3\.5\.0,M10\.5\.0\/3", is not in [^\n]+\n$/);
  t.equal((await runCli(['start', '--help'], env)).code, 0);
  const server = await startServer({ env, args: ['--timezone', 'Asia/Kathmandu'] });
  t.match((await new Client(server).get('/health')).body, { time: /\+05:45$/ });
  t.equal(await server.stop(), 0);
});

t.test('the offset of answers is that of TZ', async (t) => {
  for (const [TZ, offset] of [
    [':Asia/Kathmandu', /\+05:45$/],
    ['JST-9', /\+09:00$/],
    ['', /(Z|\+00:00)$/],
  ] as const) {
    const server = await startServer({ env: { TZ } });
    t.match((await new Client(server).get('/health')).body, { time: offset }, TZ);
    t.equal(await server.stop(), 0);
  }
});
