/** Pages of its working set that a domain touches in a millisecond of CPU time, any of them as often as any other. */
const TOUCHED_PER_MS = 100
/** What it takes to read a page again that was taken away: a read of a flash disk. */
const REFAULT_MS = 0.1

/**
 * The memory of one simulated domain, in bytes. It wants to hold its working set, which limits and the room that the
 * host has may not let it; what is missing has to be read again wherever it is touched, and the thread that touches it
 * stands still meanwhile.
 */
export class Memory {
  /** Pages that were read again, and milliseconds in which at least one thread stood still for one. */
  refaults = 0
  pressureMs = 0
  #workingSet: number
  #limit = Number.POSITIVE_INFINITY
  #room = 1
  #refaultsPerMs = 0
  #running = 1

  constructor(workingSet: number) {
    this.#workingSet = workingSet
  }

  get workingSet(): number {
    return this.#workingSet
  }

  /** What it would hold if the host had room. */
  get wanted(): number {
    return Math.min(this.#workingSet, this.#limit)
  }

  get held(): number {
    return this.wanted * this.#room
  }

  /** Pages that it has to read again for each millisecond of CPU time. */
  get refaultsPerMs(): number {
    return this.#refaultsPerMs
  }

  /** Part of the time in which a thread that lacks no CPU runs; in the rest it waits for pages. */
  get running(): number {
    return this.#running
  }

  /** Any of these may be left as it is; what was before must have been counted. `room` is a part of what it wants. */
  become(its: { readonly workingSet?: number; readonly limit?: number; readonly room?: number }): void {
    this.#workingSet = its.workingSet ?? this.#workingSet
    this.#limit = its.limit ?? this.#limit
    this.#room = its.room ?? this.#room
    // Of 100 pages touched in a millisecond a tenth is missing: 1 ms of waiting goes with 1 ms of running.
    const missing = Math.max(0, 1 - this.held / Math.max(this.#workingSet, 1))
    this.#refaultsPerMs = TOUCHED_PER_MS * missing
    this.#running = 1 / (1 + this.#refaultsPerMs * REFAULT_MS)
  }

  get room(): number {
    return this.#room
  }

  /** Part of the time in which at least one of so many threads waits for a page. */
  stalled(threads: number): number {
    return this.#running < 1 ? 1 - this.#running ** threads : 0
  }
}
