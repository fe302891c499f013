/** With and without the dashboard, by the option: what stands at `/`, and what is loaded for it. */
import t from 'tap';
import { startServer } from '../support/server.js';

/** Modules of the dashboard that a server loads, as it tells by itself where a loader asks. */
const spy = `data:text/javascript,${encodeURIComponent(
  `import { register } from 'node:module';
register('data:text/javascript,' + encodeURIComponent(\`export async function resolve(name, context, next) {
  const found = await next(name, context);
  if (found.url.endsWith('/pages/dashboard.js')) process._rawDebug('the dashboard is loaded');
  return found;
}\`));`,
)}`;

for (const [args, isThere] of [
  [[], true],
  [['--no-dashboard'], false],
] as const) {
  t.test(isThere ? 'it is at /' : '--no-dashboard', async (t) => {
    const server = await startServer({ args: [...args], env: { NODE_OPTIONS: `--import=${spy}` } });
    const page = await (await fetch(`${server.url}/`)).text();
    t.equal(/<script/.test(page), isThere);
    t.equal(page.includes('openapi.json'), !isThere, 'the page with links is there instead');
    t.equal(server.output().includes('the dashboard is loaded'), isThere);
    t.equal((await fetch(`${server.url}/dashboard/none.js`)).status, 404);
    await server.stop();
  });
}
