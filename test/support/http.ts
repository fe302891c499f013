/** Which of the HTTP adapters the tests are about: `TEST_HTTP=node npm test -- conformance inputs server`. */

const wanted = process.env.TEST_HTTP;
if (wanted !== undefined && wanted !== 'uws' && wanted !== 'node') throw new Error('TEST_HTTP is uws or node');

/** Default: uWebSockets.js, as for users. */
export const testedHttp: 'uws' | 'node' = wanted ?? 'uws';

/** Options of a test that is about something which only this adapter does. */
export function only(http: 'uws' | 'node', what: string): { skip?: string } {
  return testedHttp === http ? {} : { skip: `${what} (TEST_HTTP=${http})` };
}
