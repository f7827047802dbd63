/** A route as it was registered: `url` in the router's notation (`/a/:id`, `/files/*`). */
export interface Route {
  method: string;
  url: string;
}

/** Which methods each address takes: for 405 with `Allow`, for the tests that walk every route, for drift checks of the documentation. */
export class RouteTable {
  readonly routes: Route[] = [];
  readonly #compiled: { method: string; pattern: RegExp }[] = [];

  add(methods: string | readonly string[], url: string): void {
    for (const method of typeof methods === 'string' ? [methods] : methods) {
      this.routes.push({ method, url });
      this.#compiled.push({ method, pattern: patternOf(url) });
    }
  }

  /** The methods that the address of this path takes, sorted; none when there is no such address. Asked only after routing found nothing. */
  allowed(path: string): string[] {
    const methods = new Set<string>();
    for (const { method, pattern } of this.#compiled) if (pattern.test(path)) methods.add(method);
    return [...methods].sort();
  }
}

const patternOf = (url: string): RegExp =>
  new RegExp(`^${url.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z0-9_]+/g, '[^/]+').replaceAll('*', '.*')}$`);
