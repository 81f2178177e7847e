import type { Prng } from '#lib/prng.ts'
import type { ClosedLoad, OpenLoad } from './load.ts'
import type { Windows } from './windows.ts'

/** Requests of one domain: they arrive, wait for a thread first come first served, are worked on, and are answered. */

interface Request {
  readonly arrivesMs: number
  /** Whether a client waits for the answer and will ask again. */
  readonly hasClient: boolean
  /** What `#eachMs` is when its work is done; of no meaning while it waits. */
  doneAtMs: number
}

/** A stream of chance for each concern, so that one load's draws never move another's. */
export interface Chances {
  readonly arrivals: Prng
  readonly demands: Prng
  readonly thinking: Prng
}

/** Of a hyperexponential load one request in ten costs eleven times as much as the others: 0.1 x 5.5 + 0.9 x 0.5 is 1. */
const DEAR = 0.1
const DEAR_COST = 5.5
const CHEAP_COST = 0.5
/** Requests that an overrun domain keeps at most, where nothing is said of it: all of them would need all memory. */
const UNDERWAY_MOST = 1_000_000
/** Below a millionth of a millisecond work counts as done: smaller remainders are errors of rounding. */
const DONE_MS = 1e-6
/** What was taken from the front of a queue is let go of now and then, not one by one: a backlog may be long. */
const LET_GO = 1000

/**
 * All requests that are worked on get the same CPU time, so that one number says how far each of them is: nothing is
 * touched between two events, however long that is, and however often somebody looks.
 */
export class Requests {
  #load: OpenLoad | ClosedLoad
  readonly #chances: Chances
  readonly #windows: Windows
  /** When the next request of an open load arrives. */
  #arrivalMs = Number.POSITIVE_INFINITY
  /** When each client that thinks asks again, soonest first. */
  readonly #asking: number[] = []
  #waiting: Request[] = []
  #firstWaiting = 0
  readonly #serving: Request[] = []
  /** CPU time that each of them has got since there was none; those that came later count from then. */
  #eachMs = 0
  /** CPUs that each of them runs on now. */
  #speed = 0
  /** The least `doneAtMs` of those that are worked on. */
  #firstDoneMs = Number.POSITIVE_INFINITY
  /** The time that `#eachMs` stands for. */
  #atMs: number
  /** Clients that will not ask again after their next answer. */
  #leavers = 0

  constructor(load: OpenLoad | ClosedLoad, nowMs: number, chances: Chances, windows: Windows) {
    this.#load = load
    this.#chances = chances
    this.#windows = windows
    this.#atMs = nowMs
    if (load.kind === 'closed') this.#addClients(load.clients, nowMs)
    else this.#drawArrival(nowMs)
  }

  /** Requests that are worked on now. */
  get serving(): number {
    return this.#serving.length
  }

  /** When something happens next if they go on as they do: one comes, or one is done. */
  get nextMs(): number {
    const comesMs = Math.min(this.#arrivalMs, this.#asking[0] ?? Number.POSITIVE_INFINITY)
    if (this.#speed === 0) return comesMs
    return Math.min(comesMs, this.#atMs + Math.max(0, this.#firstDoneMs - this.#eachMs) / this.#speed)
  }

  /** Requests that wait or are worked on stay as they are; who comes next follows the new load. */
  become(load: OpenLoad | ClosedLoad, nowMs: number): void {
    const before = this.#load
    this.#load = load
    // Gaps have no memory, so drawing the next arrival anew from now on is no different from having waited for it.
    this.#drawArrival(nowMs)
    const clientsBefore = before.kind === 'closed' ? before.clients : 0
    const clients = load.kind === 'closed' ? load.clients : 0
    if (clients > clientsBefore) this.#addClients(clients - clientsBefore, nowMs)
    else this.#leavers += clientsBefore - clients
    this.#serve()
  }

  /** From now on each request that is worked on runs on so much of a CPU. */
  pace(speed: number): void {
    this.#speed = speed
  }

  /** Works until now at the pace that was set. */
  work(nowMs: number): void {
    this.#eachMs += this.#speed * (nowMs - this.#atMs)
    this.#atMs = nowMs
  }

  /** Answers what is done and takes in who has come by now. Work has been done until now. */
  happen(nowMs: number): void {
    if (this.#firstDoneMs - this.#eachMs <= DONE_MS) this.#answer(nowMs)
    while (this.#arrivalMs <= nowMs) {
      this.#admit(this.#arrivalMs, false)
      this.#drawArrival(this.#arrivalMs)
    }
    while ((this.#asking[0] ?? Number.POSITIVE_INFINITY) <= nowMs) this.#admit(this.#asking.shift() as number, true)
    this.#serve()
  }

  /** All that are here are never answered; clients ask again when they have thought. */
  lose(nowMs: number): void {
    for (const { hasClient } of [...this.#serving, ...this.#waiting.slice(this.#firstWaiting)]) {
      this.#windows.turnedAway()
      if (!hasClient) continue
      if (this.#leavers > 0) this.#leavers--
      else this.#think(nowMs)
    }
    this.#serving.length = this.#waiting.length = this.#firstWaiting = 0
    this.#eachMs = 0
    this.#firstDoneMs = Number.POSITIVE_INFINITY
  }

  /** How long the oldest request that is not answered has been here; null where there is none. */
  oldestWaitMs(nowMs: number): number | null {
    let oldestMs = this.#waiting[this.#firstWaiting]?.arrivesMs ?? Number.POSITIVE_INFINITY
    for (const { arrivesMs } of this.#serving) oldestMs = Math.min(oldestMs, arrivesMs)
    return oldestMs === Number.POSITIVE_INFINITY ? null : nowMs - oldestMs
  }

  #drawArrival(fromMs: number): void {
    const load = this.#load
    const perSecond = load.kind === 'open' ? load.arrivalsPerSecond : 0
    this.#arrivalMs =
      perSecond > 0 ? fromMs + this.#chances.arrivals.exponential(1000 / perSecond) : Number.POSITIVE_INFINITY
  }

  #addClients(count: number, nowMs: number): void {
    for (let client = 0; client < count; client++) this.#think(nowMs)
  }

  /** A client will ask when it has thought. Most think about as long, so looking from the end is quick. */
  #think(nowMs: number): void {
    const load = this.#load
    const thinkMs = load.kind === 'closed' && load.thinkMs > 0 ? this.#chances.thinking.exponential(load.thinkMs) : 0
    const asks = this.#asking
    let at = asks.length
    while (at > 0 && (asks[at - 1] as number) > nowMs + thinkMs) at--
    asks.splice(at, 0, nowMs + thinkMs)
  }

  #admit(arrivesMs: number, hasClient: boolean): void {
    const load = this.#load
    this.#windows.arrived()
    const underway = this.#serving.length + this.#waiting.length - this.#firstWaiting
    if (load.kind === 'open' && underway >= (load.underwayMost ?? UNDERWAY_MOST)) {
      this.#windows.turnedAway()
    } else this.#waiting.push({ arrivesMs, hasClient, doneAtMs: 0 })
  }

  /** Those for whom a thread is free are worked on. */
  #serve(): void {
    const serving = this.#serving
    while (serving.length < this.#load.parallelism && this.#firstWaiting < this.#waiting.length) {
      const request = this.#waiting[this.#firstWaiting++] as Request
      request.doneAtMs = this.#eachMs + Math.max(this.#demandMs(), DONE_MS)
      if (request.doneAtMs < this.#firstDoneMs) this.#firstDoneMs = request.doneAtMs
      serving.push(request)
    }
    if (this.#firstWaiting === 0) return
    if (this.#firstWaiting === this.#waiting.length) this.#waiting.length = 0
    else if (this.#firstWaiting > LET_GO) this.#waiting.splice(0, this.#firstWaiting)
    else return
    this.#firstWaiting = 0
  }

  #demandMs(): number {
    const { demandMs, spread = 'exponential' } = this.#load
    if (spread === 'constant') return demandMs
    const { demands } = this.#chances
    const part = spread === 'exponential' ? 1 : demands.next() < DEAR ? DEAR_COST : CHEAP_COST
    return demands.exponential(part * demandMs)
  }

  #answer(nowMs: number): void {
    const serving = this.#serving
    let left = 0
    let firstDoneMs = Number.POSITIVE_INFINITY
    for (let at = 0; at < serving.length; at++) {
      const request = serving[at] as Request
      if (request.doneAtMs - this.#eachMs > DONE_MS) {
        firstDoneMs = Math.min(firstDoneMs, request.doneAtMs)
        serving[left++] = request
        continue
      }
      this.#windows.answered(nowMs - request.arrivesMs)
      if (!request.hasClient) continue
      if (this.#leavers > 0) this.#leavers--
      else this.#think(nowMs)
    }
    serving.length = left
    this.#firstDoneMs = firstDoneMs
    // Sums of many small parts drift; an empty house is the moment to start over.
    if (left === 0) this.#eachMs = 0
  }
}
