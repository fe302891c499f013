/** Chromium with a page in it, for tests of the dashboard. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Browser, hasChromium, launchChromium, type Page } from './chromium.js';

export { hasChromium, type Page };

/** Where pictures of the screens go, for people to look at; unset: nowhere. */
const pictures = process.env.TEST_SCREENSHOTS;

let launched: Promise<Browser> | undefined;

function browser(): Promise<Browser> {
  if (launched === undefined) {
    launched = launchChromium();
    t.teardown(async () => (await launched)?.close());
  }
  return launched;
}

/** A page, with what went wrong in it: errors, lines of the console that say so, refused requests. */
export async function openPage(): Promise<{ readonly page: Page; readonly faults: string[] }> {
  const page = await (await browser()).newPage({ viewport: { width: 1280, height: 800 } });
  const faults: string[] = [];
  page.on('pageerror', ((error: Error) => faults.push(`error: ${error.message}`)) as never);
  page.on('console', ((line: { type(): string; text(): string }) => {
    // Of refused requests the line says nothing that is not known.
    if (/^Failed to load resource/.test(line.text())) return;
    if (line.type() === 'error' || line.type() === 'warning') faults.push(`${line.type()}: ${line.text()}`);
  }) as never);
  page.on('response', ((answer: { status(): number; url(): string }) => {
    if (answer.status() >= 400) faults.push(`${answer.status()}: ${answer.url()}`);
  }) as never);
  page.on('request', ((request: { url(): string }) => {
    if (!/^(http|ws):\/\/(127\.0\.0\.1|localhost)[:/]/.test(request.url())) faults.push(`asks ${request.url()}`);
  }) as never);
  return { page, faults };
}

/** Keeps a picture of what the page shows: wide and narrow, light and dark. */
export async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of [
      [1280, 800],
      [375, 760],
    ] as const) {
      await page.setViewportSize({ width, height });
      await page.evaluate('new Promise((done) => setTimeout(done, 250))');
      await page.screenshot({ path: join(pictures, `${name}-${width}-${colorScheme}.png`) });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 800 });
}
