/** Links of the documents lead to files that there are, and to their headings. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../', import.meta.url));
const isDocument = (name: string): boolean => name.endsWith('.md');
const documents = [
  ...readdirSync(root).filter(isDocument),
  ...readdirSync(join(root, 'docs'))
    .filter(isDocument)
    .map((name) => `docs/${name}`),
];

/** Without what is shown as code, in which brackets are no links and `#` begins a comment. */
const textOf = (document: string): string =>
  readFileSync(join(root, document), 'utf8').replace(/^ *```[\s\S]*?^ *```$/gm, '');

/** What GitHub calls a heading in links. */
function anchorOf(heading: string): string {
  const text = heading.replaceAll('`', '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

const anchors = new Map(
  documents.map((document) => [
    document,
    new Set([...textOf(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))),
  ]),
);

for (const document of documents) {
  t.test(document, async (t) => {
    const wrong: string[] = [];
    for (const [, link = ''] of textOf(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : normalize(join(dirname(document), path));
      const known = anchors.get(target);
      if (!existsSync(join(root, target)) || (anchor !== undefined && known && !known.has(anchor))) wrong.push(link);
    }
    t.same(wrong, []);
  });
}
