/**
 * A port for a server that is to come back on it. It lies below those that the system gives to connections: a client that connects again
 * and again may get the very port it connects to, and then speaks to itself.
 */
export function lastingPort(): number {
  return 20_000 + Math.floor(Math.random() * 10_000);
}
