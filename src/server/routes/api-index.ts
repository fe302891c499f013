/** The resource `/api/v1` itself: what this is, and where its resources are. */

import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';
import { docsPath } from '../pages/docs.js';
import { version } from '../version.js';
import { descriptionPaths } from './description.js';

/** @param others the routes that it points to */
export function indexRoute(base: string, others: readonly Route[]): Route {
  const links: Record<string, string> = {};
  for (const { path } of others) {
    const name = (path.startsWith(base) ? path.slice(base.length) : path)
      .slice(1)
      .replaceAll('/', '_')
      .replaceAll('-', '_');
    if (!path.includes(':')) links[name] = path;
  }
  links.event_stream = links.events as string;
  Object.assign(links, descriptionPaths, { docs: docsPath, events: '/ws' });
  const document = ({ access }: Exchange): string =>
    JSON.stringify({ name: 'escapement', version: `v${version}`, access, links });
  return { ...at(base, operations.index), run: (exchange) => exchange.answer(jsonOk, document(exchange)) };
}
