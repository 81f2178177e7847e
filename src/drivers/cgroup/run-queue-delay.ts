import { KeptFile } from './kept-file.ts'

/**
 * How long the threads of a domain were ready but did not run, in milliseconds, from each thread's `schedstat` (time
 * on a CPU, time waiting, both in nanoseconds, and the number of turns on a CPU). The kernel keeps no such sum per
 * group without SCHEDSTATS.
 *
 * The list of threads is renewed only when asked for, or after one of them ended. A thread found later starts from
 * what it shows then: its wait before that would look like a burst.
 */
export class RunQueueDelay {
  readonly #list: () => number[]
  readonly #threads = new Map<number, Thread>()
  /** Where the next turn goes on in a domain with more threads than are read in one turn. */
  #next: Iterator<[number, Thread]> | null = null
  #totalNs = 0
  #runs = 0
  #stale = true

  /** `list` gives the ids of the domain's threads. */
  constructor(list: () => number[]) {
    this.#list = list
  }

  get threadCount(): number {
    return this.#threads.size
  }

  /** Id of one of the threads; 0 where there is none. */
  get anyThread(): number {
    return this.#threads.keys().next().value ?? 0
  }

  /** Milliseconds so far, without looking: a wait shows when a thread runs again, so none did if no CPU was used. */
  get totalMs(): number {
    return this.#totalNs / 1e6
  }

  /** Turns on a CPU so far, as far as threads have been looked at. */
  get runs(): number {
    return this.#runs
  }

  read(renew: boolean): void {
    if (renew || this.#stale) this.#renew()
    const most = Math.min(this.#threads.size, MOST_PER_TURN)
    for (let read = 0; read < most; read += 1) {
      const entry = this.#following()
      if (entry === null) break
      const [id, thread] = entry
      const waitedNs = thread.schedstat.number(1)
      if (waitedNs === null) {
        this.#threads.delete(id)
        this.#stale = true
        continue
      }
      const runs = thread.schedstat.number(2) ?? 0
      if (thread.seenNs >= 0) {
        this.#totalNs += waitedNs - thread.seenNs
        this.#runs += runs - thread.seenRuns
      }
      thread.seenNs = waitedNs
      thread.seenRuns = runs
    }
  }

  close(): void {
    for (const { schedstat } of this.#threads.values()) schedstat.close()
    this.#threads.clear()
  }

  #following(): [number, Thread] | null {
    for (let tries = 0; tries < 2; tries += 1) {
      this.#next ??= this.#threads.entries()
      const step = this.#next.next()
      if (step.done !== true) return step.value
      this.#next = null
    }
    return null
  }

  #renew(): void {
    const now = new Set(this.#list().slice(0, MOST_THREADS))
    for (const [id, { schedstat }] of this.#threads) {
      if (now.has(id)) continue
      schedstat.close()
      this.#threads.delete(id)
    }
    for (const id of now) {
      if (!this.#threads.has(id)) {
        this.#threads.set(id, { schedstat: new KeptFile(`/proc/${id}/schedstat`), seenNs: -1, seenRuns: 0 })
      }
    }
    this.#stale = false
  }
}

interface Thread {
  readonly schedstat: KeptFile
  /** -1 until it was read once. */
  seenNs: number
  seenRuns: number
}

/** Per domain and turn; of more threads every one has its turn, and its wait since the last time counts whole. */
const MOST_PER_TURN = 32
/** Threads beyond this are not looked at: each costs a descriptor. */
const MOST_THREADS = 512
