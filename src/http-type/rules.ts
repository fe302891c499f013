/** What jobs of the type `http` may do: plain data, the same on the main thread and on the one that sends. */

/** A variable of the environment that may stand for the value of a header. */
export interface HeaderVariable {
  readonly name: string;
  /** The only origin that it goes to. */
  readonly origin: string;
  readonly value: string;
}

export interface HttpRules {
  /** Origins that may be called, whatever address they have; as `URL` writes them. */
  readonly origins: readonly string[];
  /** All others may be called, too, as long as their addresses are public. */
  readonly anyPublic: boolean;
  readonly variables: readonly HeaderVariable[];
  /** What requests are signed with, as `whsec_…` has it: base64. The first signature is by the first. */
  readonly keys: readonly string[];
}

/** The name of the type. */
export const httpTypeName = 'http';
