/**
 * The ceiling of `ingest`: a bare uWebSockets.js server that reads the same bodies, checks them with the product's own
 * validation and answers with as many bytes, storing nothing. Options as JSON in the first argument: none. Tells its port.
 */
import uWS from 'uWebSockets.js';
import { bodyOf, createdAnswer, draftOf } from './request.js';

uWS
  .App()
  .post('/api/v1/jobs', (response) => {
    bodyOf(response, (body) => {
      draftOf(body);
      createdAnswer(response);
    });
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (!socket) throw new Error('no port could be had');
    process.send?.({ port: uWS.us_socket_local_port(socket) });
  });
