/** The path that was most likely meant by one that nothing has: people leave out the prefix, or add a slash. */
import { nearest } from '../domain/nearest.js';

const maxChars = 200;
/** What can be shown of a path as it was sent. */
const harmlessSegment = /^[A-Za-z0-9_.:-]{1,64}$/;
/** First segments that stand for the prefix of the API, whole or in part. */
const prefixes = new Set(['api', 'rest', 'v1', 'v2', 'v3', 'escapement']);
/** Names that others use for the same, by what stands behind the prefix; the empty one is the page at `/`. */
const synonyms: Readonly<Record<string, string>> = {
  healthz: 'health',
  readyz: 'health/ready',
  ready: 'health/ready',
  status: 'health',
  livez: 'health/live',
  live: 'health/live',
  ping: 'health/live',
  handlers: 'job-types',
  types: 'job-types',
  batch: 'jobs/batch',
  sse: 'events',
  stream: 'events',
  websocket: 'ws',
  websockets: 'ws',
  socket: 'ws',
  prometheus: 'metrics',
  'index.html': '',
  dashboard: '',
  ui: '',
  admin: '',
  openapi: 'openapi.json',
  'openapi.yaml': 'openapi.json',
  'openapi.yml': 'openapi.json',
  'swagger.json': 'openapi.json',
  'swagger.yaml': 'openapi.json',
  swagger: 'docs',
  'swagger-ui': 'docs',
  'swagger-ui.html': 'docs',
  'swagger/index.html': 'docs',
  'swagger-ui/index.html': 'docs',
  'docs/index.html': 'docs',
  'api-docs': 'docs',
  doc: 'docs',
  redoc: 'docs',
  asyncapi: 'asyncapi.json',
  'asyncapi.yaml': 'asyncapi.json',
  'asyncapi.yml': 'asyncapi.json',
};

/**
 * @param path as it was sent, without the query
 * @param patterns those of all resources, `/api/v1/jobs/:id`
 * @param base what the paths of the API begin with
 * @returns undefined when none is near
 */
export function nearestPath(path: string, patterns: readonly string[], base: string): string | undefined {
  if (path.length > maxChars) return undefined;
  const segments = path.split('/').filter((segment) => segment !== '');
  while (segments.length > 0 && prefixes.has((segments[0] as string).toLowerCase())) segments.shift();
  const rest = segments.join('/');
  if (rest === '') return path === '/' ? undefined : base;
  const known = synonyms[rest.toLowerCase()] ?? rest;
  if (known === '') return '/';
  const meant = known.split('/');
  const fits = patterns
    .map((pattern) => ({ pattern, edits: editsTo(meant, ownPart(pattern, base)) }))
    .filter((one): one is { pattern: string; edits: number } => one.edits !== undefined)
    .sort((a, b) => a.edits - b.edits);
  const [best] = fits;
  return best && filledIn(best.pattern, meant, base);
}

/** The segments of a pattern behind the prefix. */
function ownPart(pattern: string, base: string): string[] {
  const behind = pattern === base || pattern.startsWith(`${base}/`) ? pattern.slice(base.length) : pattern;
  return behind.split('/').filter((segment) => segment !== '');
}

/** How many segments are not as they should be; undefined when one is too far away. */
function editsTo(given: readonly string[], wanted: readonly string[]): number | undefined {
  if (given.length !== wanted.length) return undefined;
  let edits = 0;
  for (const [at, segment] of wanted.entries()) {
    const one = given[at] as string;
    if (segment === one) continue;
    // What stands for a parameter comes after what has the very word.
    if (segment.startsWith(':')) edits += 0.5;
    else if (nearest(one, [segment]).length === 0) return undefined;
    else edits += 1;
  }
  return edits;
}

function filledIn(pattern: string, given: readonly string[], base: string): string {
  const prefix = pattern.startsWith(`${base}/`) ? base : '';
  const segments = ownPart(pattern, base).map((segment, at) => {
    const one = given[at] as string;
    return segment.startsWith(':') && harmlessSegment.test(one) ? one : segment;
  });
  return `${prefix}/${segments.join('/')}`;
}
