/** What a call asks for. `append` is Append and BatchAppend, `read` a read that ends, `subscribe` one that follows. */
export const OPERATIONS = ['append', 'read', 'subscribe', 'delete', 'features', 'gossip'] as const;
export type Operation = (typeof OPERATIONS)[number];

interface Aimed {
  operation: Operation;
  /** only streams whose name begins so; every stream unless told */
  stream?: string;
  /** how often; until taken back unless told */
  times?: number;
}

/** A thing that goes wrong. README.md says what a client sees of each. */
export type Fault = Aimed & (
  /** never answered; `done`: but done */
  | { fault: 'hang'; done?: boolean }
  | { fault: 'not-leader'; leader: { host: string; port: number } }
  | { fault: 'busy'; as?: 'busy' | 'not-ready' | 'timeout' }
  /** the connection is cut before the answer (`done`: after the append was made durable), or after so many events of a read */
  | { fault: 'cut'; done?: boolean; after?: number }
  | { fault: 'slow'; ms: number }
  /** an answer with this gRPC status */
  | { fault: 'status'; code: number; message?: string }
);

const KINDS: Record<Fault['fault'], (f: Record<string, unknown>) => boolean> = {
  hang: () => true,
  'not-leader': ({ leader }) => isEndpoint(leader),
  busy: ({ as }) => as === undefined || as === 'busy' || as === 'not-ready' || as === 'timeout',
  cut: ({ after }) => after === undefined || isCount(after),
  slow: ({ ms }) => isCount(ms),
  status: ({ code }) => isCount(code) && code >= 1 && code <= 16,
};

const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
export const isEndpoint = (e: unknown): e is { host: string; port: number } => {
  const { host, port } = (e ?? {}) as { host?: unknown; port?: unknown };
  return typeof host === 'string' && isCount(port) && port <= 65_535;
};

/** @throws Error that says what is wrong with it */
export function parseFault(asked: unknown): Fault {
  const fault = (asked ?? {}) as Record<string, unknown>;
  const kind = fault['fault'] as Fault['fault'];
  if (!Object.hasOwn(KINDS, kind)) throw new Error(`fault is one of ${Object.keys(KINDS).join(', ')}`);
  if (!OPERATIONS.includes(fault['operation'] as Operation)) throw new Error(`operation is one of ${OPERATIONS.join(', ')}`);
  if (fault['stream'] !== undefined && typeof fault['stream'] !== 'string') throw new Error('stream is how the names begin');
  if (fault['times'] !== undefined && !(isCount(fault['times']) && fault['times'] > 0)) throw new Error('times is a number above 0');
  if (!KINDS[kind](fault)) throw new Error(`what ${kind} needs is in the README`);
  return fault as unknown as Fault;
}

/** The faults in force, in the order in which they were asked for. */
export class Faults {
  #all: Fault[] = [];
  readonly #met = new Map<string, number>();

  get inForce(): readonly Fault[] { return this.#all; }
  /** how often each kind was met since they were cleared, by `operation fault` */
  get met(): Record<string, number> { return Object.fromEntries(this.#met); }

  add(fault: Fault): void { this.#all.push({ ...fault }); }
  clear(): void {
    this.#all = [];
    this.#met.clear();
  }

  /** The first that is aimed at this call, used up by one. */
  take(operation: Operation, stream = ''): Fault | null {
    if (this.#all.length === 0) return null;
    const fault = this.#all.find((f) => f.operation === operation && stream.startsWith(f.stream ?? ''));
    if (!fault) return null;
    const name = `${operation} ${fault.fault}`;
    this.#met.set(name, (this.#met.get(name) ?? 0) + 1);
    if (fault.times !== undefined && --fault.times === 0) this.#all = this.#all.filter((f) => f !== fault);
    return fault;
  }
}
