/** A life that fails, told as shortly as it still fails: steps are left out, first many at a time, then one by one. */
import { type Life, Simulation } from './simulation.js';

/** What a life failed with, and when. */
export interface Failure {
  readonly life: Life;
  readonly error: Error;
  readonly trace: readonly string[];
  /** The step that was begun last; the number of all steps when it failed in coming to rest. */
  readonly step: number;
}

/** Lives `life`; undefined: everything held. */
export function live(life: Life): Failure | undefined {
  const simulation = new Simulation(life);
  try {
    simulation.run();
    return undefined;
  } catch (error) {
    return { life, error: error as Error, trace: simulation.trace, step: simulation.step };
  }
}

/** The shortest life found within `budgetMs` that fails as well, be it with something else. */
export function shrink(failure: Failure, budgetMs: number): Failure {
  const until = performance.now() + budgetMs;
  const all = failure.life.only ?? Array.from({ length: failure.life.steps }, (_, i) => i);
  let shortest = failure;
  let steps = all.filter((step) => step <= failure.step);
  const fails = (only: readonly number[]): boolean => {
    const found = live({ ...failure.life, only });
    if (found) shortest = found;
    return found !== undefined;
  };
  // Without the steps that were not reached it should fail alike.
  if (!fails(steps)) return failure;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    // From the end: what comes late is less likely to be needed by what is kept.
    for (let from = Math.max(0, steps.length - size); ; from = Math.max(0, from - size)) {
      if (performance.now() > until) return shortest;
      const fewer = steps.toSpliced(from, size);
      if (fails(fewer)) steps = fewer;
      if (from === 0) break;
    }
  }
  return shortest;
}

/** `0,3-5,9` for 0, 3, 4, 5, 9. */
export function formatSteps(steps: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const step of steps) {
    const last = ranges.at(-1);
    if (last && last[1] === step - 1) last[1] = step;
    else ranges.push([step, step]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

export function parseSteps(text: string): number[] {
  return text.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    if (!/^\d+(-\d+)?$/.test(range) || from > to) throw new Error(`${range} is no step and no range of steps`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

/** The command that lives `life` again. */
export function replayCommand({ seed, steps, only }: Life): string {
  const some = only ? ` --only ${formatSteps(only)}` : '';
  return `npm run simulate -- --seeds 1 --seed ${seed} --steps ${steps}${some}`;
}

/** All that helps to find out why: the shortened trace, what did not hold and where, and how to see it again. */
export function report(failure: Failure, budgetMs: number): string {
  const short = failure.life.only ? failure : shrink(failure, budgetMs);
  return [
    ...short.trace.slice(-200),
    `seed ${failure.life.seed} failed at step ${failure.step} of ${failure.life.steps}: ${failure.error.message}`,
    short.error.stack ?? short.error.message,
    `replay: ${replayCommand(failure.life)}`,
    `shortened: ${replayCommand(short.life)}`,
  ].join('\n');
}
