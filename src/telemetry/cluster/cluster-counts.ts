/** What a node counts of its part in a cluster, in plain numbers. */
import { Histogram } from '../histogram.js';

/** What PostgreSQL is sent most. */
export const statements = ['append', 'write_pages', 'load', 'take', 'beat', 'ask_places', 'holders'] as const;
export type StatementName = (typeof statements)[number];

/** The two ends of a shard's move. `open` is also the end of a takeover. */
export type HandoverStep = 'give' | 'open';

/** What became of a request that another node was asked. */
export type PeerOutcome = 'answered' | 'misdirected' | 'unreachable' | 'unknown';

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] as const;

export class ClusterCounts {
  /** By statement: how many came to which end. */
  readonly ends: Readonly<Record<StatementName, Record<string, number>>> = {
    append: { done: 0, fenced: 0, rewound: 0, claimed: 0, refused: 0, unknown: 0 },
    write_pages: { done: 0, fenced: 0, rewound: 0, refused: 0, unknown: 0 },
    load: { done: 0, refused: 0, unknown: 0 },
    take: { done: 0, missed: 0, refused: 0, unknown: 0 },
    beat: { done: 0, dead: 0, refused: 0, unknown: 0 },
    ask_places: { done: 0, dead: 0, refused: 0, unknown: 0 },
    holders: { done: 0, refused: 0, unknown: 0 },
  };
  readonly durations: Readonly<Record<StatementName, Histogram>> = {
    append: new Histogram(seconds),
    write_pages: new Histogram(seconds),
    load: new Histogram(seconds),
    take: new Histogram(seconds),
    beat: new Histogram(seconds),
    ask_places: new Histogram(seconds),
    holders: new Histogram(seconds),
  };
  /** How long it took to give a shard to another node, and to open one that has come here, in seconds. */
  readonly handovers: Readonly<Record<HandoverStep, Histogram>> = {
    give: new Histogram(seconds),
    open: new Histogram(seconds),
  };
  readonly peerRequests: Record<PeerOutcome, number> = { answered: 0, misdirected: 0, unreachable: 0, unknown: 0 };
  /** Shards that this node had and that were not given away, by why. */
  readonly shardsLost = { fenced: 0, rewound: 0, given_up: 0 };
  /** How often this node was declared dead by others, and has declared another so. */
  readonly declaredDead = { self: 0, other: 0 };

  statementEnded(statement: StatementName, end: string, ms: number): void {
    const ends = this.ends[statement];
    ends[end] = (ends[end] ?? 0) + 1;
    this.durations[statement].observe(ms / 1000);
  }

  peerAnswered(outcome: PeerOutcome): void {
    this.peerRequests[outcome]++;
  }
}
