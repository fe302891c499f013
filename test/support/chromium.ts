/** Debian's Chromium, driven by playwright-core: these declarations name what is used of that. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const chromiumPath = '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);

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
/** A request that a test answers itself. */
export interface Route {
  request(): { method(): string };
  fulfill(answer: { json: unknown }): Promise<void>;
  /** As if the network had failed. */
  abort(): Promise<void>;
}
export interface Page {
  goto(url: string): Promise<unknown>;
  evaluate<T>(run: string): Promise<T>;
  locator(selector: string): Locator;
  route(url: string, answer: (route: Route) => unknown): Promise<void>;
  getByRole(role: string, options?: { name?: string | RegExp; exact?: boolean }): Locator;
  getByText(text: string | RegExp): Locator;
  getByLabel(text: string | RegExp, options?: { exact?: boolean }): Locator;
  readonly keyboard: { press(key: string): Promise<void> };
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  emulateMedia(media: { colorScheme: 'light' | 'dark' }): Promise<void>;
  screenshot(options: { path: string; animations?: 'disabled' }): Promise<unknown>;
  on(event: string, listener: (value: never) => void): void;
  url(): string;
  close(): Promise<void>;
}
export interface Browser {
  newPage(options: object): Promise<Page>;
  close(): Promise<void>;
}

/** Starts one, without a window. */
export function launchChromium(): Promise<Browser> {
  const { chromium } = createRequire(import.meta.url)('playwright-core') as {
    chromium: { launch(options: object): Promise<Browser> };
  };
  return chromium.launch({
    executablePath: chromiumPath,
    // Root gets no sandbox, and a container little shared memory.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
  });
}
