/**
 * What nodes tell each other of attempts whose shards have moved, and of places of types with limits. No part of the API: whoever is no node
 * finds nothing here.
 */
import { type PeerAttempts, type PeerPlaces, peerPaths } from '../../cluster/peers.js';
import { Refusal } from '../../domain/errors.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';

/** One end of an attempt may have enqueued thousands of jobs. */
const maxBytes = 256 * 1024 * 1024;

/** See the head of this file. @param attempts absent: there are no other nodes */
export function attemptRoutes(attempts: PeerAttempts | undefined): Route[] {
  if (attempts === undefined) return [];
  return [
    route(peerPaths.ended, (exchange, message) => {
      attempts.ended(message).then(
        (isTaken) => (isTaken ? exchange.answer(jsonOk, '{}') : exchange.refuse(notHere())),
        (error: unknown) => exchange.fail(error),
      );
    }),
    route(peerPaths.say, (exchange, message) => {
      if (attempts.say(message)) exchange.answer(jsonOk, '{}');
      else exchange.refuse(notHere());
    }),
    route(peerPaths.has, (exchange, message) => exchange.answer(jsonOk, attempts.has(message))),
    route(peerPaths.abort, (exchange, message) => {
      attempts.abort(message);
      exchange.answer(jsonOk, '{}');
    }),
  ];
}

/** @param places absent: there are no other nodes */
export function placeRoutes(places: PeerPlaces | undefined): Route[] {
  if (places === undefined) return [];
  return [
    route(peerPaths.freed, (exchange, message) => {
      places.receive(message);
      exchange.answer(jsonOk, '{}');
    }),
  ];
}

function route(path: string, told: (exchange: Exchange, message: string) => void): Route {
  return {
    method: 'POST',
    path,
    maxBodyBytes: maxBytes,
    run: (exchange, body) => {
      if (!exchange.fromPeer) throw new Refusal('not_found', 'There is no such resource.');
      told(exchange, body.toString());
    },
  };
}

function notHere(): Refusal {
  return new Refusal('misdirected_host', 'This node does not own that shard, or is giving it away.');
}
