/** What one simulated domain reads from disk. The disk is never slow; a limit is what holds the domain back. */
export class Disk {
  readBytes = 0
  /** Milliseconds in which at least one thread stood still for the disk. */
  pressureMs = 0
  #bytesPerMs = 0
  #limit = Number.POSITIVE_INFINITY

  /** Bytes that the domain reads in a millisecond of CPU time. */
  get bytesPerMs(): number {
    return this.#bytesPerMs
  }

  /** CPUs that it can keep busy: 50 MiB/s for a load that reads 100 KiB in a millisecond feed half of one. */
  get fed(): number {
    return this.#bytesPerMs === 0 ? Number.POSITIVE_INFINITY : this.#limit / 1000 / this.#bytesPerMs
  }

  /** Either may be left as it is; `limit` in bytes a second. What was before must have been counted. */
  become(its: { readonly bytesPerMs?: number; readonly limit?: number }): void {
    this.#bytesPerMs = its.bytesPerMs ?? this.#bytesPerMs
    this.#limit = its.limit ?? this.#limit
  }

  /** Part of the time in which at least one of so many threads waits for it, which could keep so many CPUs busy. */
  stalled(threads: number, cpus: number): number {
    return this.fed >= cpus ? 0 : 1 - (this.fed / cpus) ** threads
  }
}
