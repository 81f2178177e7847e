/** What a simulated domain has to do. CPU times are milliseconds of one CPU. */
export type Load = OpenLoad | ClosedLoad | BatchLoad

/** Requests arrive by themselves, at random (Poisson), however long the others take. */
export interface OpenLoad extends Service {
  readonly kind: 'open'
  readonly arrivalsPerSecond: number
  /** One that finds so many waiting or worked on is turned away; a million where it is not stated. */
  readonly underwayMost?: number
}

/** So many clients, each of which waits for its answer, thinks, and asks again. */
export interface ClosedLoad extends Service {
  readonly kind: 'closed'
  readonly clients: number
  /** Mean of the exponential thinking times in milliseconds; 0 for clients that ask again at once. */
  readonly thinkMs: number
}

/** Threads that never have enough. */
export interface BatchLoad {
  readonly kind: 'batch'
  readonly threads: number
}

interface Service {
  /** Mean CPU time of a request. */
  readonly demandMs: number
  /** How the CPU times of requests are spread; exponentially where not stated. */
  readonly spread?: 'exponential' | 'constant' | 'hyperexponential'
  /** Requests that are worked on at once, each by a thread of its own; the others wait, first come first served. */
  readonly parallelism: number
  /** Packets in which a request comes, and its answer goes; 1 where not stated. */
  readonly packets?: number
  /** Bytes that a request reads from disk, as it goes; none where not stated. */
  readonly diskBytes?: number
}

/** What is to become different: the rest stays, also where the kind changes. */
export type LoadChange = Partial<Omit<OpenLoad, 'kind'> & Omit<ClosedLoad, 'kind'> & Omit<BatchLoad, 'kind'>> & {
  readonly kind?: Load['kind']
}

const NEEDED = {
  open: ['arrivalsPerSecond', 'demandMs', 'parallelism'],
  closed: ['clients', 'thinkMs', 'demandMs', 'parallelism'],
  batch: ['threads'],
} as const

/** A request that costs nothing would be answered without end in no time. */
const LEAST = { arrivalsPerSecond: 0, clients: 0, thinkMs: 0, demandMs: 0.001, parallelism: 1, threads: 0 } as const

/** The load with the change made; throws where the new kind lacks a number, or one makes no sense. */
export function changed(load: Load, change: LoadChange): Load {
  const next = { ...load, ...change } as Load
  for (const key of NEEDED[next.kind]) {
    const value = (next as LoadChange)[key]
    if (Number.isFinite(value) && (value as number) >= LEAST[key]) continue
    throw new RangeError(`${key} of a load of kind ${next.kind} is ${value}: it must be a number from ${LEAST[key]}`)
  }
  return next
}
