/** What uWebSockets.js wants to know before it is loaded: imported first for its effect. */
import { limits } from '../../domain/limits.js';

process.env.UWS_HTTP_MAX_HEADERS_SIZE = String(limits.headerBytes);
