import type { Prng } from '#lib/prng.ts'
import type { ClosedLoad, OpenLoad } from './load.ts'
import type { Windows } from './windows.ts'

/** Requests of one domain: they arrive, wait for a thread first come first served, are worked on, and are answered. */

interface Request {
  readonly arrivesMs: number
  /** CPU time that is still to be spent on it. */
  leftMs: number
  /** Whether a client waits for the answer and will ask again. */
  readonly hasClient: boolean
}

/** A stream of chance for each concern, so that one load's draws never move another's. */
export interface Chances {
  readonly arrivals: Prng
  readonly demands: Prng
  readonly thinking: Prng
}

/** What became of the CPU time that a load was given. */
export interface Ran {
  /** CPU time spent, milliseconds of one CPU. */
  readonly usedMs: number
  /** Time that threads spent running or ready to run, in sum. */
  readonly runnableMs: number
}

/** Below a millionth of a millisecond work counts as done: smaller remainders are errors of rounding. */
const DONE_MS = 1e-6

export class Requests {
  #load: OpenLoad | ClosedLoad
  readonly #chances: Chances
  readonly #windows: Windows
  /** Those that will arrive, by their time. */
  #due: Request[] = []
  #waiting: Request[] = []
  #firstWaiting = 0
  #serving: Request[] = []
  #backlogMs = 0
  /** When the last request of an open load arrives that was drawn so far. */
  #drawnMs: number
  /** Clients that will not ask again after their next answer. */
  #leavers = 0

  constructor(load: OpenLoad | ClosedLoad, nowMs: number, chances: Chances, windows: Windows) {
    this.#load = load
    this.#chances = chances
    this.#windows = windows
    this.#drawnMs = nowMs
    if (load.kind === 'closed') this.#addClients(load.clients, nowMs)
  }

  /** Requests that wait or are worked on stay as they are; who comes next follows the new load. */
  become(load: OpenLoad | ClosedLoad, nowMs: number): void {
    const before = this.#load
    this.#load = load
    // Gaps have no memory, so drawing the next arrival anew from now on is no different from having waited for it.
    this.#due = this.#due.filter((request) => request.hasClient)
    this.#drawnMs = nowMs
    const clientsBefore = before.kind === 'closed' ? before.clients : 0
    const clients = load.kind === 'closed' ? load.clients : 0
    if (clients > clientsBefore) this.#addClients(clients - clientsBefore, nowMs)
    else this.#leavers += clientsBefore - clients
  }

  /** CPU time that it could use on so many CPUs until then. Clients may ask again at once, so they want all there is. */
  wanted(fromMs: number, toMs: number, cpus: number): number {
    this.#draw(toMs)
    const load = this.#load
    const most = Math.min(load.parallelism, cpus) * (toMs - fromMs)
    let wantedMs = this.#backlogMs
    for (const { arrivesMs, leftMs } of this.#due) {
      if (arrivesMs >= toMs) break
      wantedMs += Math.min(leftMs, toMs - arrivesMs)
    }
    if (wantedMs > 0 && load.kind === 'closed' && load.thinkMs < toMs - fromMs) return most
    return Math.min(wantedMs, most)
  }

  /**
   * Works from one time to another with so much CPU time, at full speed until it is spent, as a thread runs until its
   * turn is over. `cpus` is how many can be used at once.
   */
  run(fromMs: number, toMs: number, givenMs: number, cpus: number): Ran {
    let atMs = fromMs
    let leftMs = givenMs
    let runnableMs = 0
    while (atMs < toMs) {
      this.#admit(atMs)
      const serving = this.#serving
      const nextMs = Math.min(this.#due[0]?.arrivesMs ?? toMs, toMs)
      const isSpent = leftMs <= DONE_MS || cpus === 0
      if (serving.length === 0 || isSpent) {
        runnableMs += serving.length * (nextMs - atMs)
        atMs = nextMs
        continue
      }
      const speed = Math.min(1, cpus / serving.length)
      const shortestMs = serving.reduce((least, request) => Math.min(least, request.leftMs), Number.POSITIVE_INFINITY)
      const untilMs = Math.min(nextMs, atMs + shortestMs / speed, atMs + leftMs / (serving.length * speed))
      const workedMs = (untilMs - atMs) * speed
      for (const request of serving) request.leftMs -= workedMs
      leftMs -= workedMs * serving.length
      this.#backlogMs -= workedMs * serving.length
      runnableMs += serving.length * (untilMs - atMs)
      atMs = untilMs
      this.#answer(atMs)
    }
    this.#admit(toMs)
    return { usedMs: givenMs - Math.max(leftMs, 0), runnableMs }
  }

  /** How long the oldest request that is not answered has been here; null where there is none. */
  oldestWaitMs(nowMs: number): number | null {
    const oldest = [...this.#serving, ...this.#waiting.slice(this.#firstWaiting, this.#firstWaiting + 1)]
    return oldest.length === 0 ? null : nowMs - Math.min(...oldest.map(({ arrivesMs }) => arrivesMs))
  }

  /** Arrivals of an open load up to the first one that is not before then. */
  #draw(untilMs: number): void {
    const load = this.#load
    if (load.kind !== 'open' || load.arrivalsPerSecond === 0) return
    while (this.#drawnMs < untilMs) {
      this.#drawnMs += this.#chances.arrivals.exponential(1000 / load.arrivalsPerSecond)
      this.#expect(this.#drawnMs, false)
    }
  }

  #addClients(count: number, nowMs: number): void {
    for (let client = 0; client < count; client++) this.#expect(nowMs + this.#thinkMs(), true)
  }

  #thinkMs(): number {
    const load = this.#load
    return load.kind === 'closed' && load.thinkMs > 0 ? this.#chances.thinking.exponential(load.thinkMs) : 0
  }

  /** Keeps `due` in order. New ones come near the end, so looking from there is quick. */
  #expect(arrivesMs: number, hasClient: boolean): void {
    const { demandMs, spread = 'exponential' } = this.#load
    const leftMs = spread === 'constant' ? demandMs : this.#chances.demands.exponential(demandMs)
    let at = this.#due.length
    while (at > 0 && (this.#due[at - 1] as Request).arrivesMs > arrivesMs) at--
    this.#due.splice(at, 0, { arrivesMs, leftMs: Math.max(leftMs, DONE_MS), hasClient })
  }

  #isFull(): boolean {
    const load = this.#load
    const underway = this.#serving.length + this.#waiting.length - this.#firstWaiting
    return load.kind === 'open' && underway >= (load.underwayMost ?? Number.POSITIVE_INFINITY)
  }

  /** Those whose time has come wait; those for whom a thread is free are worked on. */
  #admit(nowMs: number): void {
    let arrived = 0
    for (; arrived < this.#due.length && (this.#due[arrived] as Request).arrivesMs <= nowMs; arrived++) {
      const request = this.#due[arrived] as Request
      this.#windows.arrived()
      if (this.#isFull()) {
        this.#windows.turnedAway()
        continue
      }
      this.#waiting.push(request)
      this.#backlogMs += request.leftMs
    }
    if (arrived > 0) this.#due.splice(0, arrived)
    while (this.#serving.length < this.#load.parallelism && this.#firstWaiting < this.#waiting.length) {
      this.#serving.push(this.#waiting[this.#firstWaiting++] as Request)
    }
    // What was taken from the front is let go of now and then, not one by one: a backlog may be long.
    if (this.#firstWaiting > 1000 && this.#firstWaiting * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#firstWaiting)
      this.#firstWaiting = 0
    }
  }

  #answer(nowMs: number): void {
    for (let at = 0; at < this.#serving.length; ) {
      const request = this.#serving[at] as Request
      if (request.leftMs > DONE_MS) {
        at++
        continue
      }
      this.#serving.splice(at, 1)
      this.#windows.answered(nowMs - request.arrivesMs)
      if (!request.hasClient) continue
      if (this.#leavers > 0) this.#leavers--
      else this.#expect(nowMs + this.#thinkMs(), true)
    }
    // Sums of many small parts drift; an empty queue is the moment to start over.
    if (this.#serving.length === 0 && this.#firstWaiting === this.#waiting.length) this.#backlogMs = 0
  }
}
