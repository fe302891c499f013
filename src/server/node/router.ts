/** Finds the handler of a request: exact paths before patterns, a method of its own before `any`. */
import type { HttpHandler, HttpMethod } from '../http/http-port.js';

type Methods = Map<string, HttpHandler>;

/** `/jobs/:id/cancel`, taken apart around its one parameter. */
interface Pattern {
  readonly before: string;
  readonly behind: string;
  readonly methods: Methods;
}

export interface Found {
  readonly handle: HttpHandler;
  readonly parameter?: string;
}

const any = 'ANY';

export class Router {
  readonly #exact = new Map<string, Methods>();
  readonly #patterns = new Map<string, Pattern>();

  add(method: HttpMethod, pattern: string, handle: HttpHandler): void {
    this.#methods(pattern).set(method === 'del' ? 'DELETE' : method.toUpperCase(), handle);
  }

  /** @param method as it was sent */
  find(method: string, path: string): Found | undefined {
    return this.#look(method, path) ?? this.#look(any, path) ?? this.#rest();
  }

  #look(method: string, path: string): Found | undefined {
    const exact = this.#exact.get(path)?.get(method);
    if (exact) return { handle: exact };
    for (const { before, behind, methods } of this.#patterns.values()) {
      const handle = methods.get(method);
      if (handle === undefined || !path.startsWith(before) || !path.endsWith(behind)) continue;
      const parameter = path.slice(before.length, path.length - behind.length);
      if (path.length > before.length + behind.length && !parameter.includes('/')) return { handle, parameter };
    }
    return undefined;
  }

  #rest(): Found | undefined {
    const handle = this.#exact.get('/*')?.get(any);
    return handle && { handle };
  }

  #methods(pattern: string): Methods {
    const colon = pattern.indexOf(':');
    const known = colon < 0 ? this.#exact.get(pattern) : this.#patterns.get(pattern)?.methods;
    if (known) return known;
    const methods: Methods = new Map();
    if (colon < 0) this.#exact.set(pattern, methods);
    else {
      const end = pattern.indexOf('/', colon);
      const behind = end < 0 ? '' : pattern.slice(end);
      this.#patterns.set(pattern, { before: pattern.slice(0, colon), behind, methods });
    }
    return methods;
  }
}
