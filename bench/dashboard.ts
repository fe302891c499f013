/**
 * How soon does the dashboard show something, does it stay smooth while jobs run, and does the server notice it? A real Chromium on
 * the same machine. How long its main thread is held comes from the browser's own long tasks (those over 50 ms) and from the gaps
 * between its frames. A backlog with the page of events open runs in turn with one that nobody looks at.
 */
import { type Browser, hasChromium, launchChromium, type Page } from '../test/support/chromium.js';
import {
  atLeast,
  atMost,
  type Bench,
  type Figures,
  median,
  medians,
  type Run,
  ratiosOf,
  sleep,
} from './support/bench.js';
import { HttpClient, request } from './support/http-client.js';
import { dueBody } from './support/job-bodies.js';
import { Latencies } from './support/latencies.js';
import { ServerProcess } from './support/server-process.js';
import { measureThroughput } from './throughput.js';

export interface DashboardPlan {
  /** Times that the page is opened. */
  readonly opens: number;
  /** Jobs that run while a screen is looked at, a second, and for so many seconds. */
  readonly perSecond: number;
  readonly seconds: number;
  /** Of a backlog. */
  readonly jobs: number;
  readonly rounds: number;
}

const connections = 16;
const screens = [
  { name: 'overview', at: '#/' },
  { name: 'jobs', at: '#/jobs' },
  { name: 'types', at: '#/types' },
  { name: 'events', at: '#/events' },
] as const;
/** What a screen does first, such as drawing its charts, is not what is looked at. */
const settledMs = 2000;

/** Notes long tasks, and when each frame came. */
const watch = `(() => {
  window.longTasks = [];
  new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) window.longTasks.push(duration); }).observe({ type: 'longtask' });
  window.frames = [];
  const frame = (at) => { window.frames.push(at); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
})()`;

/** What was noted since. */
async function watched(page: Page): Promise<Figures> {
  const { longTasks, frames } = await page.evaluate<{ longTasks: number[]; frames: number[] }>(
    '({ longTasks: window.longTasks, frames: window.frames })',
  );
  const gaps = new Latencies();
  for (const [index, at] of frames.entries()) if (index > 0) gaps.add(at - frames[index - 1]!);
  const { p50Ms, p99Ms } = gaps.figures();
  return {
    longTasks: longTasks.length,
    longestTaskMs: Math.max(0, ...longTasks),
    frameP50Ms: p50Ms!,
    frameP99Ms: p99Ms!,
  };
}

async function measurePaint(
  browser: Browser,
  server: ServerProcess,
  { opens }: DashboardPlan,
  run: Run,
): Promise<void> {
  const paints: number[] = [];
  for (let open = 0; open < opens; open++) {
    // A page of its own has a cache of its own.
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`http://127.0.0.1:${server.port}/`);
    await page.getByRole('heading', { name: 'Overview' }).first().waitFor();
    paints.push(
      await page.evaluate<number>("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity"),
    );
    await page.close();
  }
  const firstPaintMs = median(paints);
  run.find({
    what: 'opened for the first time',
    figures: { firstPaintMs, maxMs: Math.max(...paints) },
    must: [atMost('first paint at most 300 ms', firstPaintMs, 300)],
  });
}

/** Jobs that run as they come, at a steady rate. */
async function runSteadily(server: ServerProcess, { perSecond, seconds }: DashboardPlan, run: Run): Promise<void> {
  const client = await HttpClient.open(server.port, connections);
  const { completed } = await server.stats();
  let refused = 0;
  await client.openLoop(
    perSecond,
    perSecond * seconds,
    () => request('POST', '/api/v1/jobs', dueBody('noop', Date.now())),
    (status) => {
      if (status !== 201) refused++;
    },
  );
  client.close();
  run.equal(refused, 0, 'jobs refused');
  await server.completed(completed + perSecond * seconds - refused);
}

async function openScreen(browser: Browser, server: ServerProcess, at: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`http://127.0.0.1:${server.port}/${at}`);
  await page.getByRole('heading').first().waitFor();
  await sleep(settledMs);
  await page.evaluate(watch);
  return page;
}

async function measureScreens(browser: Browser, server: ServerProcess, plan: DashboardPlan, run: Run): Promise<void> {
  for (const { name, at } of screens) {
    const page = await openScreen(browser, server, at);
    await runSteadily(server, plan, run);
    const figures = await watched(page);
    await page.close();
    run.find({
      what: `${name}, while ${plan.perSecond.toLocaleString('en-US')} jobs/s run`,
      figures,
      must: [atMost('no task over 50 ms', figures.longestTaskMs!, 50)],
    });
  }
}

async function measureFollowed(browser: Browser, server: ServerProcess, plan: DashboardPlan, run: Run): Promise<void> {
  const followed: Figures[] = [];
  const alone: Figures[] = [];
  const smooth: Figures[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    alone.push(await measureThroughput(server, plan.jobs, run));
    const page = await openScreen(browser, server, '#/events');
    followed.push(await measureThroughput(server, plan.jobs, run));
    smooth.push(await watched(page));
    await page.close();
  }
  const rates = (rounds: readonly Figures[]): number[] => rounds.map(({ perSecond }) => perSecond!);
  const ratios = ratiosOf(rates(followed), rates(alone));
  const figures = { perSecond: median(rates(followed)), ...medians(smooth) } as Figures;
  run.find({
    what: 'a backlog with the page of events open',
    figures,
    ceiling: { what: 'nobody looks', figures: { perSecond: median(rates(alone)) } },
    ratio: median(ratios),
    ratios,
    must: [
      atLeast('the server keeps 0.8 of its speed beside a browser on its two cores', median(ratios), 0.8),
      atMost('half of the frames within 50 ms', figures.frameP50Ms!, 50),
    ],
  });
}

export const dashboard: Bench<DashboardPlan> = {
  name: 'dashboard',
  question: 'How the dashboard fares, and the server that is looked at',
  plans: {
    small: { opens: 2, perSecond: 500, seconds: 1, jobs: 5000, rounds: 1 },
    full: { opens: 11, perSecond: 1000, seconds: 10, jobs: 200_000, rounds: 3 },
  },
  async run(plan, run) {
    if (!hasChromium) return run.skip('there is no Chromium here (Debian: apt-get install chromium)');
    const server = await ServerProcess.start();
    run.finally(() => server.discard());
    const browser = await launchChromium();
    run.finally(() => browser.close());
    await measureThroughput(server, Math.min(2000, plan.jobs), run);
    await measurePaint(browser, server, plan, run);
    await measureScreens(browser, server, plan, run);
    await measureFollowed(browser, server, plan, run);
    await browser.close();
    await server.discard();
  },
};
