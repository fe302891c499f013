/** What the server shows of itself as a whole: its statistics, its history, its parts. */
import type { Logger } from '../log.js';
import type { History } from '../telemetry/history/history.js';
import type { OverviewParts } from './figures.js';
import { historyOf, statsOf } from './figures.js';
import { type SystemParts, systemOf } from './system.js';

interface Parts
  extends Omit<OverviewParts, 'scheduler' | 'queries' | 'made'>,
    Omit<SystemParts, 'startedAt' | 'queries' | 'counts' | 'pool'> {
  readonly together: Pick<OverviewParts, 'scheduler' | 'queries' | 'made'>;
  /** When it began, monotonic milliseconds. */
  readonly begunAt: number;
  readonly logger: Logger;
}

export interface Overview {
  readonly history: History;
  /** For the server. */
  readonly shown: {
    readonly stats: ReturnType<typeof statsOf>;
    readonly history: History['points'];
    readonly system: ReturnType<typeof systemOf>;
  };
}

/** Reads the history of the directory. */
export async function overviewOf({ together, begunAt, logger, ...rest }: Parts): Promise<Overview> {
  const { clock, directory } = rest;
  const { scheduler, queries, made } = together;
  const parts = { ...rest, scheduler, queries, made };
  const history = await historyOf(directory, parts, logger);
  const startedAt = clock.now() - (clock.monotonic() - begunAt);
  return {
    history,
    shown: {
      stats: statsOf(parts),
      history: (step, from, to) => history.points(step, from, to),
      system: systemOf({ ...parts, startedAt }),
    },
  };
}
