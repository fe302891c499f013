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

/** Two frames: what follows from a new size or other colours is laid out and drawn. */
const drawn = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))';
/** Lists of thousands are not kept to their end. */
const mostPixels = 1600;

/** Keeps pictures of what the page shows, to its end: wide and narrow, light and dark. The page is then as before. */
export async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  for (const [width, least] of [
    [375, 760],
    [1280, 800],
  ] as const) {
    await page.setViewportSize({ width, height: least });
    await page.evaluate(drawn);
    // A window of that height, since lists draw what is in it alone.
    const whole = await page.evaluate<number>('document.documentElement.scrollHeight');
    await page.setViewportSize({ width, height: Math.min(Math.max(whole, least), mostPixels) });
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(drawn);
      const path = join(pictures, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path, animations: 'disabled' });
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}
