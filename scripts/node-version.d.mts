/** What is wrong with a version of Node, as a sentence for the user; undefined when it fits `range` (default: `engines`). */
export function nodeFault(version: string, range?: string): string | undefined;
/** Ends the process with one line and exit code 1 where this Node does not fit. */
export function requireNode(): void;
