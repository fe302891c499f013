/** What the command line says of itself and of mistakes. Nothing is started here. */
import t from 'tap';
import { runCli } from '../support/server.js';

const options = [
  'host',
  'port',
  'data-dir',
  'store',
  'advertise',
  'shards',
  'settle',
  'handlers',
  'threads',
  'thread-memory',
  'thread-attempts',
  'timezone',
  'grace',
  'retention',
  'retain',
  'retention-failed',
  'retain-failed',
  'max-body',
  'max-connections',
  'token',
  'token-file',
  'read-token',
  'http-target',
  'http-secret',
  'http-secret-file',
  'http-env',
  'allowed-host',
  'cors-origin',
  'tls-cert',
  'tls-key',
  'log-level',
  'job-log-level',
  'job-logs',
];

t.test('help names every option and its variable', async (t) => {
  const { code, stdout, stderr } = await runCli(['start', '--help']);
  t.same([code, stderr], [0, '']);
  for (const name of options) {
    t.match(stdout, new RegExp(`--${name} <`), name);
    t.ok(stdout.includes(`ESCAPEMENT_${name.toUpperCase().replaceAll('-', '_')}`), name);
  }
  t.match(stdout, /--no-chunked [^<]*ESCAPEMENT_NO_CHUNKED/);
});

t.test('the first help names every command in a line, by what it is for', async (t) => {
  const { code, stdout } = await runCli(['--help']);
  t.equal(code, 0);
  for (const group of ['Jobs', 'Watching a server', 'Running a server', 'More'])
    t.match(stdout, new RegExp(`^${group}:\n {2}\\w`, 'm'), group);
  t.notMatch(stdout, /^Commands:/m, 'all are in a group');
  const listed = stdout.slice(stdout.indexOf('Jobs:')).match(/^ {2}[a-z]+ .*/gm) ?? [];
  t.equal(listed.length, 22);
  for (const line of listed) t.match(line, /^ {2}[a-z]+ (\[options\] |<\w+> |\[\w+\] )* *\w/, line);
  t.notMatch(stdout, /^ {12}/m, 'no description goes on in a further line');
});

t.test('version', async (t) => {
  t.match(await runCli(['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ });
});

t.test('a mistake is one line that names it, and exit code 2', async (t) => {
  const cases: [string[], RegExp][] = [
    [['begin'], /unknown command 'begin'; see "escapement --help"\n$/],
    [['start', 'now'], /too many arguments .*; see "escapement start --help"\n$/],
    [['start', '--prot', '1'], /unknown option '--prot'.*--port/],
    [['jobs', 'lst'], /unknown command 'lst' \(Did you mean list\?\); see "escapement jobs --help"\n$/],
    [['jobs', 'show'], /missing required argument 'id'; see "escapement jobs show --help"\n$/],
    [['start', '--port'], /--port.*missing/],
    [['start', '--port', '65536'], /--port.*65535/],
    [['start', '--port', '-1'], /--port/],
    [['start', '--threads', '0'], /--threads.*from 1/],
    [['start', '--shards', '2'], /--shards and --settle need --store/],
    [['start', '--advertise', 'http://10.0.0.5:8080'], /--advertise.* need --store/],
    [['start', '--settle', '1s'], /--settle need --store/],
    [['start', '--store', 'postgres://u:secret@h/d'], /--store needs --advertise: .*http:\/\/10/],
    [['start', '--advertise', 'node-1:8080'], /--advertise.*address such as/],
    [['start', '--advertise', 'http://node-1:8080/jobs'], /--advertise.*without path/],
    [['start', '--advertise', 'http://user@node-1:8080'], /--advertise.*without path or user/],
    [['start', '--advertise', 'http://0.0.0.0:8080'], /--advertise.*other machines/],
    [['start', '--advertise', 'http://[::]:8080'], /--advertise.*other machines/],
    [['start', '--settle', '30'], /--settle.*no unit/],
    [['move', '--data-dir', 'data'], /--store <url>.* not specified/],
    [['move', '--store', 'postgres://h/d'], /--data-dir <folder>.* not specified/],
    [['check'], /directory.*--store/],
    [['start', '--shards', '3'], /--shards.*power of two up to 64/],
    [['start', '--shards', '128'], /--shards.*from 1 to 64/],
    [['start', '--thread-memory', '1MiB'], /--thread-memory.*8MiB/],
    [['start', '--thread-attempts', '0'], /--thread-attempts.*from 1 to 256/],
    [['start', '--thread-attempts', '257'], /--thread-attempts.*from 1 to 256/],
    [['start', '--timezone', 'Mars/X'], /--timezone.*IANA/],
    [['start', '--grace', '5'], /--grace.*no unit/],
    [['start', '--retention', '-1d'], /--retention.*sign/],
    [['start', '--retain', '1.5'], /--retain/],
    [['start', '--max-body', '1 MiB'], /--max-body.*512KiB/],
    [['start', '--max-body', '1TiB'], /--max-body/],
    [['start', '--max-body', '1GiB'], /--max-body.*256MiB/],
    [['start', '--max-connections', 'x'], /--max-connections/],
    [['start', '--max-connections', '0'], /whole number from 1 to/],
    [['start', '--allowed-host', 'http://a'], /--allowed-host.*host name/],
    [['start', '--cors-origin', 'a.example'], /--cors-origin.*https/],
    [['start', '--cors-origin', 'https://a.example/path'], /--cors-origin/],
    [['start', '--cors-origin', '*'], /--cors-origin/],
    [['start', '--tls-cert', 'a.pem'], /--tls-key.*together/],
    [['start', '--log-level', 'loud'], /--log-level.*info/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await runCli(args);
    const what = args.join(' ');
    t.same([code, stdout], [2, ''], what);
    t.match(stderr, expected, what);
    t.match(stderr, /^escapement: [^\n]+\n$/, `${what}: one line`);
  }
});

t.test('a variable is named in its mistake; an empty one is as good as none', async (t) => {
  const wrong = await runCli(['start'], { ESCAPEMENT_PORT: 'x' });
  t.match(wrong, { code: 2, stderr: /ESCAPEMENT_PORT/ });
  const order = await runCli(['start', '--port', 'y'], { ESCAPEMENT_PORT: '1' });
  t.match(order.stderr, /argument 'y'/, 'the command line goes first');
  const empty = await runCli(['start', '--grace', 'x'], { ESCAPEMENT_PORT: '', ESCAPEMENT_TOKEN: '' });
  t.match(empty.stderr, /--grace/);
});

t.test('a variable that sets nothing is told of', async (t) => {
  const { code, stderr } = await runCli(['start', '--handlers', 'no-such-folder'], { ESCAPEMENT_TOKN: 'secret' });
  t.equal(code, 1);
  const [told, reason] = stderr.split('\n');
  t.match(told, /^escapement: no option has the variable ESCAPEMENT_TOKN; /);
  t.match(reason, /no-such-folder/);
  t.notOk(stderr.includes('secret'));
  const known = await runCli(['start', '--handlers', 'no-such-folder'], { ESCAPEMENT_TOKEN: 'secret' });
  t.notMatch(known.stderr, /variable/);
});

t.test('a token is not repeated', async (t) => {
  for (const token of ['two words', 'übel']) {
    const { code, output } = await runCli(['start'], { ESCAPEMENT_TOKEN: token });
    t.equal(code, 2);
    t.match(output, /token must be visible ASCII/);
    t.notOk(output.includes(token));
  }
});
