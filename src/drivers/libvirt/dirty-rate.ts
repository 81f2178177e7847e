import type { Machine } from './machine.ts'
import type { ParamValue } from './params.ts'

/**
 * How fast machines change their memory, which a migration would have to follow. QEMU looks at a sample of the pages
 * (512 of each GiB) twice, a second apart; it is asked to once a minute, and what it found is read with the other counters.
 */
const EVERY_MS = 60_000
const LASTS_S = 1
/** Of `virDomainDirtyRateStatus`. */
const MEASURED = 2

/** Bytes per second; undefined until something was measured, and where libvirt cannot. */
export function dirtyRateOf(stats: ReadonlyMap<string, ParamValue>): number | undefined {
  const mibPerSecond = stats.get('dirtyrate.megabytes_per_second')
  const isMeasured = stats.get('dirtyrate.calc_status') === MEASURED && typeof mibPerSecond === 'number'
  return isMeasured ? mibPerSecond * 1024 * 1024 : undefined
}

export class DirtyRates {
  /** When each machine was last asked to measure, by its group. */
  #askedAtMs: ReadonlyMap<string, number> = new Map()

  /** Has those measure whose time it is. One that refuses is asked again when it is its time again. */
  measure(machines: readonly Machine[], nowMs: number): void {
    const asked = new Map<string, number>()
    const due: Machine[] = []
    for (const machine of machines) {
      const atMs = this.#askedAtMs.get(machine.path) ?? Number.NEGATIVE_INFINITY
      const isDue = nowMs - atMs >= EVERY_MS && !machine.isPaused
      asked.set(machine.path, isDue ? nowMs : atMs)
      if (isDue) due.push(machine)
    }
    this.#askedAtMs = asked
    void this.#begin(due)
  }

  /** One after another: many calls at once would wait for each other, and look like a libvirt that does not answer. */
  async #begin(machines: readonly Machine[]): Promise<void> {
    for (const { uuid, link } of machines)
      await link.use((connection) => connection.measureDirtyRate(uuid, LASTS_S)).catch(() => {})
  }
}
