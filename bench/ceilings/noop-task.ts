/** The task of the `piscina` ceiling. */
export default function noop(): void {}
