/** Does nothing: what is measured is the server. */
export default function noop() {}
