/** Who may talk to the server: tokens, Host, Origin, CORS, TLS, and what its log does not say. */
import { request as httpsRequest } from 'node:https';
import t from 'tap';
import { Client } from '../support/client.js';
import { needs } from '../support/faults.js';
import { connecting, makeCertificate, needsV6, otherAddresses } from '../support/network.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { never, problem } from './forms.js';

t.setTimeout(60_000);
const token = 'correct-horse-battery-staple-0123456789';
const bearer = { authorization: `Bearer ${token}` };
const good = { name: 'noop', delay: never };

t.test('without a token', async (t) => {
  const server = await startServer({
    args: ['--allowed-host', 'jobs.example', '--cors-origin', 'https://app.example'],
  });
  const api = new Client(server);

  await t.test('it is bound to 127.0.0.1', async (t) => {
    t.equal((await api.get('/health')).status, 200);
  });

  await t.test('it is bound to ::1', needsV6, async (t) => {
    t.equal((await new Client(server, {}, '::1').get('/health')).status, 200);
  });

  await t.test('it is bound to no other address', async (t) => {
    t.ok(otherAddresses.length > 0);
    for (const host of otherAddresses) t.equal(await connecting(host, server.port), 'ECONNREFUSED', host);
  });

  await t.test('a Host that is neither localhost, an address nor allowed is misdirected', async (t) => {
    for (const host of [
      'localhost',
      `localhost:${server.port}`,
      'LOCALHOST:1',
      '127.0.0.1',
      '127.0.0.1:9',
      '[::1]',
      `[::1]:${server.port}`,
      '10.1.2.3',
      '192.168.1.1:80',
      '[2001:db8::1]:80',
      'jobs.example',
      'jobs.example:443',
      'JOBS.example',
    ]) {
      t.equal((await api.get('/stats', { host })).status, 200, host);
    }
    for (const host of [
      'evil.example',
      'evil.example:80',
      'localhost.evil.example',
      'jobs.example.evil',
      'xjobs.example',
      '127.0.0.1.evil.example',
      '1.2.3',
      'local host',
      'user@localhost',
    ]) {
      const answer = await api.get('/stats', { host });
      if (host.includes(' ') || host.includes('@')) t.ok(answer.status >= 400 && answer.status < 500, host);
      else problem(t, answer, 421, 'misdirected_host', host);
      t.ok((await api.post('/jobs', good, { host })).status >= 400, host);
    }
    t.equal(await Subscriber.attempt(server, { headers: { host: 'evil.example' } }), 421);
    t.equal(await Subscriber.attempt(server, { headers: { host: 'jobs.example' } }), 101);
  });

  await t.test('an Origin on a mutation is absent, equal to Host, loopback, or listed', async (t) => {
    const post = (origin: string | undefined, host = `127.0.0.1:${server.port}`) =>
      api.post<never>('/jobs', good, { origin, host });
    const allowed: [string | undefined, string?][] = [
      [undefined],
      [`http://127.0.0.1:${server.port}`],
      ['http://localhost:3000'],
      ['http://127.0.0.1:5173'],
      ['http://[::1]:8000'],
      ['https://localhost'],
      ['https://app.example'],
      ['https://jobs.example', 'jobs.example'],
      ['http://10.1.2.3:9000', '10.1.2.3:9000'],
    ];
    for (const [origin, host] of allowed) t.equal((await post(origin, host)).status, 201, `${origin} at ${host}`);
    const refused: [string, string?][] = [
      ['http://evil.example'],
      ['https://app.example.evil'],
      ['http://app.example'],
      ['https://app.example:8443'],
      ['null'],
      ['http://localhost.evil.example'],
      ['http://10.1.2.3'],
      ['nonsense'],
    ];
    for (const [origin, host] of refused) problem(t, await post(origin, host), 403, 'forbidden', origin);
  });

  await t.test('so it is for every mutation, and not for reading', async (t) => {
    const { id } = await api.create(good);
    const headers = { origin: 'http://evil.example' };
    for (const [method, path, body] of [
      ['PUT', `/jobs/${id}`, { max_retries: 1 }],
      ['DELETE', `/jobs/${id}`, undefined],
      ['POST', `/jobs/${id}/cancel`, undefined],
      ['POST', `/jobs/${id}/retry`, undefined],
    ] as const) {
      problem(t, await api.request(method, path, { body, headers }), 403, 'forbidden', `${method} ${path}`);
    }
    const read = await api.get(`/jobs/${id}`, headers);
    t.equal(read.status, 200);
    t.notOk(read.headers['access-control-allow-origin'], 'a page elsewhere cannot see it');
    t.equal((await api.job(id)).status, 'pending');
  });

  await t.test('and for a WebSocket', async (t) => {
    for (const [origin, status] of [
      ['http://evil.example', 403],
      ['null', 403],
      ['http://localhost:3000', 101],
      ['https://app.example', 101],
      [`http://127.0.0.1:${server.port}`, 101],
    ] as const) {
      t.equal(await Subscriber.attempt(server, { headers: { origin } }), status, origin);
    }
  });

  await t.test('CORS headers go to the origin that is named and to no other', async (t) => {
    const listed = { origin: 'https://app.example' };
    t.equal((await api.get('/stats', listed)).headers['access-control-allow-origin'], 'https://app.example');
    t.equal(
      (await api.post<never>('/jobs', good, listed)).headers['access-control-allow-origin'],
      'https://app.example',
    );
    const preflight = await api.request('OPTIONS', '/jobs', {
      headers: { ...listed, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });
    t.ok([200, 204].includes(preflight.status), String(preflight.status));
    t.equal(preflight.headers['access-control-allow-origin'], 'https://app.example');
    t.match(preflight.headers['access-control-allow-methods'], /POST/);
    t.match(String(preflight.headers['access-control-allow-headers']).toLowerCase(), /content-type/);
    for (const origin of ['http://localhost:3000', 'http://evil.example', 'https://APP.example.evil']) {
      t.notOk((await api.get('/stats', { origin })).headers['access-control-allow-origin'], origin);
      t.notOk(
        (await api.request('OPTIONS', '/jobs', { headers: { origin, 'access-control-request-method': 'POST' } }))
          .headers['access-control-allow-origin'],
        origin,
      );
    }
    t.notOk((await api.get('/stats')).headers['access-control-allow-origin']);
  });
  await server.kill();
});

t.test('with a token', async (t) => {
  const server = await startServer({ args: ['--token', token] });
  const api = new Client(server);
  const known = new Client(server, bearer);

  await t.test('it is asked for everywhere but on health and in preflights', async (t) => {
    t.equal((await api.get('/health')).status, 200);
    t.equal((await api.get('/health/live')).status, 200);
    t.equal(
      (
        await api.request('OPTIONS', '/jobs', {
          headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
        })
      ).status === 401,
      false,
    );
    const { id } = await known.create(good);
    for (const [method, path] of [
      ['GET', '/jobs'],
      ['GET', `/jobs/${id}`],
      ['GET', '/stats'],
      ['GET', '/job-types'],
      ['DELETE', `/jobs/${id}`],
      ['POST', `/jobs/${id}/cancel`],
      ['POST', `/jobs/${id}/retry`],
    ] as const) {
      problem(t, await api.request(method, path), 401, 'unauthorized', `${method} ${path}`);
    }
    problem(t, await api.post<never>('/jobs', good), 401, 'unauthorized');
    problem(t, await api.put<never>(`/jobs/${id}`, { max_retries: 1 }), 401, 'unauthorized');
    t.equal((await known.job(id)).status, 'pending');
  });

  await t.test('a wrong one is refused, wherever it stands', async (t) => {
    for (const authorization of [
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      'Bearer ',
      'Bearer',
      `Basic ${Buffer.from(`a:${token}`).toString('base64')}`,
      token,
      `Bearer ${token.toUpperCase()}`,
    ]) {
      problem(t, await api.get('/stats', { authorization }), 401, 'unauthorized', authorization.slice(0, 12));
    }
    for (const name of ['token', 'access_token'])
      t.equal((await api.get(`/stats?${name}=${token}`)).status, 401, 'never in a query');
    t.equal((await known.get('/stats')).status, 200);
    t.equal(
      (await api.get('/stats', { authorization: `bearer ${token}` })).status,
      200,
      'the scheme’s case does not matter',
    );
  });

  await t.test('a WebSocket brings it in a header or, from a browser, as a subprotocol', async (t) => {
    const base64 = Buffer.from(token).toString('base64url');
    t.equal(await Subscriber.attempt(server), 401);
    t.equal(await Subscriber.attempt(server, { headers: { authorization: 'Bearer wrong' } }), 401);
    t.equal(
      await Subscriber.attempt(server, {}, ['escapement.v1', `bearer.${Buffer.from('wrong').toString('base64url')}`]),
      401,
    );
    t.equal(await Subscriber.attempt(server, {}, ['escapement.v1']), 401);
    t.equal(await Subscriber.attempt(server, { headers: bearer }), 101);
    const browser = await Subscriber.connect(server, { headers: { origin: 'https://anywhere.example' } }, [
      'escapement.v1',
      `bearer.${base64}`,
    ]);
    t.equal(browser.socket.protocol, 'escapement.v1', 'the token is not sent back');
    await browser.subscribe();
    const { id } = await known.create({ name: 'noop', delay: '0s' });
    await browser.event(id, 'job.completed');
    await browser.close();
  });

  await t.test('with it, any Host and Origin will do', async (t) => {
    t.equal((await known.get('/stats', { host: 'jobs.example' })).status, 200);
    t.equal((await known.post<never>('/jobs', good, { origin: 'https://anywhere.example' })).status, 201);
    t.equal(await Subscriber.attempt(server, { headers: { ...bearer, origin: 'https://anywhere.example' } }), 101);
  });

  await t.test('neither tokens nor payloads are logged', async (t) => {
    const { id } = await known.create({
      name: 'fail',
      delay: '0s',
      payload: { message: 'visible', pin: 'payload-secret-4711' },
      max_retries: 0,
    });
    await known.until(id, 'failed');
    await known.post('/jobs', { ...good, payload: { pin: 'payload-secret-4711' }, bogus: 1 });
    await api.get('/stats', { authorization: 'Bearer wrong-secret-0815' });
    t.equal(await server.stop(), 0);
    for (const secret of [token, Buffer.from(token).toString('base64url'), 'payload-secret-4711', 'wrong-secret-0815'])
      t.notOk(server.output().includes(secret), secret);
  });
});

t.test('the token may come from the environment, and opens other addresses', async (t) => {
  const server = await startServer({ args: ['--host', '0.0.0.0'], env: { ESCAPEMENT_TOKEN: token } });
  t.equal((await new Client(server).get('/stats')).status, 401);
  t.equal((await new Client(server, bearer).get('/stats')).status, 200);
  await server.kill();
});

t.test('null is an origin only if it is listed', async (t) => {
  const server = await startServer({ args: ['--cors-origin', 'null'] });
  t.equal((await new Client(server).post<never>('/jobs', good, { origin: 'null' })).status, 201);
  await server.kill();
});

t.test('TLS', needs('openssl'), async (t) => {
  const { cert, key } = makeCertificate();
  // Nodes call each other, and trust what they are given there.
  const server = await startServer({
    args: ['--tls-cert', cert, '--tls-key', key],
    env: { NODE_EXTRA_CA_CERTS: cert },
  });
  t.match(server.url, /^https:/);
  const status = await new Promise((done, failed) => {
    httpsRequest(
      { host: '127.0.0.1', port: server.port, path: '/api/v1/health', rejectUnauthorized: false },
      (response) => {
        response.resume();
        done(response.statusCode);
      },
    )
      .on('error', failed)
      .end();
  });
  t.equal(status, 200);
  await server.kill();
});
