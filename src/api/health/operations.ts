/** How the server is, for those who watch it, who send it requests, and who start it again. They are among all others in `operations`. */
import * as answers from '../answers.js';
import type { Operation } from '../operation.js';

export const healthOperations = {
  health: {
    method: 'GET',
    path: '/health',
    tag: 'Server',
    summary: 'Whether the server can do its work',
    open: true,
    answers: { 200: answers.health, 503: answers.health },
  },
  ready: {
    method: 'GET',
    path: '/health/ready',
    tag: 'Server',
    summary: 'Whether requests can be sent here, for load balancers',
    open: true,
    answers: { 200: answers.ready, 503: answers.health },
  },
  live: {
    method: 'GET',
    path: '/health/live',
    tag: 'Server',
    summary: 'Whether the server answers at all',
    open: true,
    answers: { 200: answers.live },
  },
} as const satisfies Record<string, Operation>;
