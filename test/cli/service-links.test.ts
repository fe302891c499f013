/** What Kubernetes sets beside a Service called `escapement` is no setting of this program, although it looks like one. */
import t from 'tap';
import { runCli, startServer, temporary } from '../support/server.js';

t.setTimeout(180_000);

/** As Kubernetes makes them for a Service: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables */
function links(prefix: string, url: string, name = 'HTTP'): Record<string, string> {
  const [, protocol, address, port] = /^(\w+):\/\/\[?(.+?)\]?:(\d+)$/.exec(url)!;
  const one = `${prefix}_PORT_${port}_${protocol!.toUpperCase()}`;
  return {
    [`${prefix}_SERVICE_HOST`]: address!,
    [`${prefix}_SERVICE_PORT`]: port!,
    [`${prefix}_SERVICE_PORT_${name}`]: port!,
    [`${prefix}_PORT`]: url,
    [one]: url,
    [`${one}_PROTO`]: protocol!,
    [`${one}_PORT`]: port!,
    [`${one}_ADDR`]: address!,
  };
}

t.test('links are ignored, and the start names them in one line', async (t) => {
  for (const env of [
    links('ESCAPEMENT', 'tcp://10.0.0.1:8080'),
    links('ESCAPEMENT', 'tcp://[fd00::1]:80'),
    links('ESCAPEMENT', 'udp://10.0.0.1:53', 'DNS_TCP'),
    links('ESCAPEMENT', 'sctp://10.0.0.1:7'),
    links('ESCAPEMENT_API', 'tcp://10.0.0.1:8080'),
    links('ESCAPEMENT_API_2', 'tcp://10.0.0.1:8080'),
  ]) {
    const { code, stderr } = await runCli(['start', '--handlers', 'no-such-folder', '--data-dir', temporary()], env);
    t.equal(code, 1, stderr);
    const [told, reason, ...more] = stderr.split('\n');
    t.match(told, /^escapement: ignored .*: Kubernetes sets them for a Service/);
    for (const name of Object.keys(env)) t.match(told, new RegExp(`\\b${name}\\b`));
    t.match(reason, /no-such-folder/);
    t.same(more, ['']);
  }
});

t.test('a server starts beside them, on the port that the user names', async (t) => {
  const env = links('ESCAPEMENT', 'tcp://10.0.0.1:8080');
  const server = await startServer({ env });
  t.equal(await server.stop(), 0);
});

t.test('a port that the user sets is read, beside the rest of the links too', async (t) => {
  const rest = { ...links('ESCAPEMENT', 'tcp://10.0.0.1:8080'), ESCAPEMENT_PORT: '70000' };
  const { code, stderr } = await runCli(['start'], rest);
  t.equal(code, 2);
  t.match(stderr, /70000.*ESCAPEMENT_PORT.*from 0 to 65535/);
});

t.test('what only resembles a link is no link', async (t) => {
  for (const port of ['tcp://', 'tcp://10.0.0.1', 'http://10.0.0.1:80', 'tcp://10.0.0.1:port']) {
    const { code, stderr } = await runCli(['start'], { ESCAPEMENT_PORT: port });
    t.equal(code, 2, port);
    t.match(stderr, /ESCAPEMENT_PORT/);
  }
  const env = { ESCAPEMENT_PORT_TCP: '1', ESCAPEMENT_SERVICE: 'x', ESCAPEMENT_PORTS: 'tcp://10.0.0.1:80' };
  const { stderr } = await runCli(['start', '--handlers', 'no-such-folder', '--data-dir', temporary()], env);
  for (const name of Object.keys(env)) t.match(stderr, new RegExp(`no option has the variable .*\\b${name}\\b`));
});

t.test('the other commands do not stumble over them', async (t) => {
  const env = links('ESCAPEMENT', 'tcp://10.0.0.1:8080');
  for (const [args, expected] of [
    [['--version'], 0],
    [['start', '--help'], 0],
    [['check', '/no/such/folder'], 1],
    [['restore', '/no/such/folder', '--data-dir', '/no/such/other'], 1],
    [['backup', '/no/such/folder', '--url', 'http://127.0.0.1:1'], 1],
  ] as const) {
    const { code, output } = await runCli([...args], env);
    t.equal(code, expected, `${args[0]}: ${output}`);
    t.notMatch(output, /10\.0\.0\.1|variable ESCAPEMENT/);
  }
});
