/** `escapement top`: the picture, and how it comes onto a terminal and goes again. */
import { spawn } from 'node:child_process';
import t from 'tap';
import { label, parseMetrics, quantile, sum } from '../../src/cli/asking/metrics-text.js';
import { picture, type Sample } from '../../src/cli/asking/top-picture.js';
import { Client, eventually } from '../support/client.js';
import { runCli, startServer } from '../support/server.js';

t.setTimeout(300_000);

const stats = { pending: 12_345, running: 2, completed: 9, failed: 1, cancelled: 0, last_event: 7, uptime: '1h0m0s' };

/** A scrape in which `noop` has had so many starts, each 4 ms late. */
function scrape(starts: number): Sample['metrics'] {
  return parseMetrics(`# HELP x y
escapement_build_info{version="1.2.3",node="20"} 1
escapement_jobs{status="pending",type="noop"} 12345
escapement_jobs{status="pending",type="rare"} 1
escapement_attempts_started_total{type="noop"} ${starts}
escapement_attempt_lateness_seconds_bucket{le="0.002",type="noop"} 0
escapement_attempt_lateness_seconds_bucket{le="0.006",type="noop"} ${starts}
escapement_attempt_lateness_seconds_bucket{le="+Inf",type="noop"} ${starts}
escapement_threads{state="idle"} 1
escapement_threads{state="busy"} 1
`);
}

t.test('the text of metrics is read back', (t) => {
  const [before, now] = [scrape(0), scrape(100)];
  t.equal(sum(now, 'escapement_jobs'), 12_346);
  t.equal(sum(now, 'escapement_jobs', { type: 'rare', status: 'pending' }), 1);
  t.equal(label('le="+Inf",type="a b"', 'type'), 'a b');
  t.equal(quantile(before, now, 'escapement_attempt_lateness_seconds', 0.5), 0.004, 'in the middle of its bucket');
  t.equal(quantile(now, now, 'escapement_attempt_lateness_seconds', 0.5), undefined, 'nothing new');
  t.end();
});

t.test('the picture: rates between two samples, the busiest type first, cut to the terminal', (t) => {
  const before: Sample = { at: 0, stats, metrics: scrape(0) };
  const now: Sample = { at: 2000, stats, metrics: scrape(3000) };
  const frame = { url: 'http://h', columns: 80, rows: 24 };
  const text = picture(before, now, frame).join('\n');
  t.match(text, /^escapement 1\.2\.3 {2}http:\/\/h {2}up 1h0m0s\n/);
  t.match(text, /pending 12,345 {3}running 2 /);
  t.match(text, /started 1,500 /);
  t.match(text, /lateness p50 4\.0 ms/);
  t.match(text, /\nTYPE .*\nnoop +12,345 +0 +1,500 +0 +6\.0 ms +- +-\nrare +1 /);
  t.match(picture(undefined, now, frame).join('\n'), /started - /, 'no rates at first');
  const small = picture(before, now, { url: 'http://h', columns: 30, rows: 9 });
  t.equal(small.length, 9);
  t.ok(small.every((line) => line.length <= 30));
  const restarted = picture(now, { ...before, at: 3000 }, frame).join('\n');
  t.match(restarted, /started 0 /, 'a server that was started again has no negative rates');
  t.end();
});

t.test('the picture says what due jobs wait for, and what is paused', (t) => {
  const text = (more: string): string => {
    const now: Sample = { at: 0, stats, metrics: parseMetrics(more) };
    return picture(undefined, now, { url: 'http://h', columns: 120, rows: 24 }).join('\n');
  };
  t.match(
    text(`escapement_waiting_jobs{type="a",limit="rate"} 2
escapement_waiting_jobs{type="a",limit="thread"} 1200
escapement_waiting_jobs{type="b",limit="rate"} 3
escapement_waiting_jobs{type="b",limit="handler"} 0
escapement_server_paused 1
escapement_types_paused 2
`),
    /\nwait for thread 1,200, rate 5 {3}the server is paused {3}2 types are paused\n/,
  );
  t.match(text('escapement_types_paused 1\n'), /\n1 type is paused\n/);
  t.notMatch(text('escapement_types_paused 0\nescapement_server_paused 0\n'), /wait for|paused/);
  t.end();
});

t.test('not on a terminal: one picture of the real server', async (t) => {
  const server = await startServer();
  const client = new Client(server);
  const { id } = await client.create({ name: 'echo', delay: '0s', payload: {} });
  await client.until(id, 'success');
  const { code, stdout } = await runCli(['top', '--interval', '100ms', '--url', server.url]);
  t.equal(code, 0);
  t.match(stdout, /completed 1\n.*\n.*oldest overdue 0 ms.*\nthreads [1-9]/);
  t.match(stdout, /\necho +0 +0 /);
  t.match(await runCli(['top', '--interval', '1ms']), { code: 2, stderr: /at least 100ms/ });
});

t.test('on a terminal: its own screen, which it leaves at q, also while the server is gone', async (t) => {
  const server = await startServer();
  const command = `${process.execPath} dist/src/cli.js top --interval 100ms --url ${server.url}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await eventually(() => text.split('a second:').length > 3, 'it is not renewed');
  await server.kill();
  await eventually(() => text.includes('No answer from'), 'it does not say that the server is gone');
  const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  child.stdin.write('q');
  t.equal(await ended, 0);
  t.ok(text.startsWith('\u001b[?1049h'));
  t.ok(text.trimEnd().endsWith('\u001b[?25h\u001b[?1049l'));
});
