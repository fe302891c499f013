/**
 * Debian's Chromium with a page in it, for tests of the dashboard. It is driven by playwright-core, of which these declarations name what
 * tests use.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t from 'tap';

const chromiumPath = '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);
/** Where pictures of the screens go, for people to look at; unset: nowhere. */
const pictures = process.env.TEST_SCREENSHOTS;

export interface Locator {
  click(): Promise<void>;
  fill(text: string): Promise<void>;
  press(key: string): Promise<void>;
  count(): Promise<number>;
  first(): Locator;
  waitFor(options?: { state?: 'visible' | 'hidden' | 'attached' | 'detached' }): Promise<void>;
  innerText(): Promise<string>;
  inputValue(): Promise<string>;
  selectOption(value: string): Promise<unknown>;
  evaluate<T>(run: (element: HTMLElementLike) => T): Promise<T>;
}
/** As far as tests look at elements. */
interface HTMLElementLike {
  readonly textContent: string | null;
}
export interface Page {
  goto(url: string): Promise<unknown>;
  evaluate<T>(run: string): Promise<T>;
  locator(selector: string): Locator;
  route(url: string, answer: (route: { fulfill(answer: { json: unknown }): Promise<void> }) => unknown): Promise<void>;
  getByRole(role: string, options?: { name?: string | RegExp; exact?: boolean }): Locator;
  getByText(text: string | RegExp): Locator;
  getByLabel(text: string | RegExp, options?: { exact?: boolean }): Locator;
  readonly keyboard: { press(key: string): Promise<void> };
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  emulateMedia(media: { colorScheme: 'light' | 'dark' }): Promise<void>;
  screenshot(options: { path: string }): Promise<unknown>;
  on(event: string, listener: (value: never) => void): void;
  url(): string;
  close(): Promise<void>;
}
interface Browser {
  newPage(options: object): Promise<Page>;
  close(): Promise<void>;
}

let launched: Promise<Browser> | undefined;

function browser(): Promise<Browser> {
  if (launched === undefined) {
    const { chromium } = createRequire(import.meta.url)('playwright-core') as {
      chromium: { launch(options: object): Promise<Browser> };
    };
    launched = chromium.launch({
      executablePath: chromiumPath,
      // Root gets no sandbox, and a container little shared memory.
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
    });
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
