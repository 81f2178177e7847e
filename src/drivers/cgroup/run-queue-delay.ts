import { readFileSync } from 'node:fs'
import { childrenOf } from './groups.ts'
import { isGone, KeptFile } from './kept-file.ts'

/**
 * How long the threads of a domain were ready but did not run, in milliseconds, from each thread's `schedstat` (time
 * on a CPU, time waiting, both in nanoseconds, and the number of turns on a CPU). The kernel keeps no such sum per
 * group without SCHEDSTATS.
 *
 * The list of threads is renewed only when asked for, or after one of them ended. A thread found later starts from
 * what it shows then: its wait before that would look like a burst.
 */
export class RunQueueDelay {
  readonly #dir: string
  readonly #file: 'tasks' | 'cgroup.threads'
  readonly #threads = new Map<number, Thread>()
  /** Where the next turn goes on in a domain with more threads than are read in one turn. */
  #next: Iterator<[number, Thread]> | null = null
  #totalNs = 0
  #stale = true

  constructor(dir: string, version: 1 | 2) {
    this.#dir = dir
    this.#file = version === 1 ? 'tasks' : 'cgroup.threads'
  }

  get threadCount(): number {
    return this.#threads.size
  }

  /** Milliseconds so far; grows with what was read this turn. */
  readMs(renew: boolean): number {
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
      if (thread.seenNs >= 0) this.#totalNs += waitedNs - thread.seenNs
      thread.seenNs = waitedNs
    }
    return this.#totalNs / 1e6
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
    const now = new Set(threadsIn(this.#dir, this.#file).slice(0, MOST_THREADS))
    for (const [id, { schedstat }] of this.#threads) {
      if (now.has(id)) continue
      schedstat.close()
      this.#threads.delete(id)
    }
    for (const id of now) {
      if (!this.#threads.has(id)) {
        this.#threads.set(id, { schedstat: new KeptFile(`/proc/${id}/schedstat`), seenNs: -1 })
      }
    }
    this.#stale = false
  }
}

interface Thread {
  readonly schedstat: KeptFile
  /** -1 until it was read once. */
  seenNs: number
}

/** Per domain and turn; of more threads every one has its turn, and its wait since the last time counts whole. */
const MOST_PER_TURN = 32
/** Threads beyond this are not looked at: each costs a descriptor. */
const MOST_THREADS = 512

/** Ids of the threads in the group and below it. */
export function threadsIn(dir: string, file: 'tasks' | 'cgroup.threads'): number[] {
  let own: number[] = []
  try {
    own = readFileSync(`${dir}/${file}`, 'latin1').split('\n').filter(Boolean).map(Number)
  } catch (error) {
    // A threaded domain of version 2 keeps its list elsewhere and refuses to show it here.
    if (!isGone(error) && (error as NodeJS.ErrnoException).code !== 'EOPNOTSUPP') throw error
  }
  return [...own, ...childrenOf(dir).flatMap((name) => threadsIn(`${dir}/${name}`, file))]
}
