/**
 * Runs in the browser at `/docs`: shows the API's own description. All paths are relative to the page's, since the server
 * may be below a path of a proxy's.
 */
const root = new URL('.', document.baseURI);
const below = ({ url }) => ({ url: new URL(`.${url}`, root).href });

try {
  const answer = await fetch(new URL('openapi.json', root));
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const spec = await answer.json();
  spec.servers = spec.servers.map(below);
  for (const path of Object.values(spec.paths)) if (path.servers) path.servers = path.servers.map(below);
  SwaggerUIBundle({ spec, dom_id: '#docs', deepLinking: true, validatorUrl: null, defaultModelsExpandDepth: 0 });
} catch (error) {
  document.querySelector('#docs').textContent =
    `The description cannot be shown: ${error.message}. Load this page again.`;
}
