/**
 * The one place that loads uWebSockets.js. It reads its bound on request heads from the environment when it is loaded,
 * and only then; its own default of 4 KiB is less than a browser's cookies and a token may need.
 */
import './uws-settings.js';
import uWS from 'uWebSockets.js';

export { uWS };
