/**
 * The ceiling of `ingest`: a bare uWebSockets.js server that reads the same bodies, checks them with the product's own
 * validation and answers with as many bytes, storing nothing. Options as JSON in the first argument: none. Tells its port.
 */
import uWS from 'uWebSockets.js';
import { Faults } from '../../src/api/faults.js';
import { readDraft } from '../../src/api/validate.js';
import { parseJson } from '../../src/server/bodies/json-body.js';

const answer = JSON.stringify({
  id: 'job_1704182400_a1b2c3d4',
  name: 'noop',
  status: 'pending',
  trigger_at: '2024-01-02T15:30:00+00:00',
  next_run_in: '10m0s',
  retry_count: 0,
  max_retries: 3,
  created_at: '2024-01-02T15:20:00+00:00',
  updated_at: '2024-01-02T15:20:00+00:00',
  is_repeat: false,
  retry_delay: '5m0s',
  backoff: 'exponential',
  timeout: '5m0s',
});
const rules = { timezone: 'UTC', isRegistered: (): boolean => true };

uWS
  .App()
  .post('/api/v1/jobs', (res) => {
    res.onAborted(() => {});
    const parts: Buffer[] = [];
    res.onData((chunk, isLast) => {
      parts.push(Buffer.from(Buffer.from(chunk))); // a copy: the chunk is only lent
      if (!isLast) return;
      const faults = new Faults();
      const draft = readDraft(parseJson(Buffer.concat(parts), faults), rules, faults);
      if (!draft) throw new Error('a body of the bench is not valid');
      res.cork(() => {
        res.writeStatus('201 Created').writeHeader('Content-Type', 'application/json').end(answer);
      });
    });
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (!socket) throw new Error('no port could be had');
    process.send?.({ port: uWS.us_socket_local_port(socket) });
  });
