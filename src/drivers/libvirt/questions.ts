import type { StatsGroup } from './connection.ts'
import { MACHINE_STATS } from './machine.ts'
import type { Entry } from './match.ts'

/**
 * What every look asks for; the rest comes with every second, and after something has happened to a domain. Not more
 * seldom: metrics of what disks count go stale after 30 s, and a look comes every 10 s.
 */
const OFTEN = ['state', 'balloon', 'interface'] as const satisfies readonly StatsGroup[]
const ALL_EVERY = 2

/** What looks ask of machines: what costs them most, and seldom changes, only now and then. */
export class Questions {
  #looks = 0
  #isAllDue = true

  /** Something happened to a domain. */
  hear(): void {
    this.#isAllDue = true
  }

  next(domains: readonly Entry[]): readonly StatsGroup[] {
    const isAll = this.#isAllDue || this.#looks % ALL_EVERY === 0
    this.#looks++
    this.#isAllDue = false
    if (isAll) return MACHINE_STATS
    return domains.some(isOfDisks) ? [...OFTEN, 'block'] : OFTEN
  }
}

function isOfDisks({ policy }: Entry): boolean {
  return [...policy.controls, ...Object.keys(policy.shares)].some((key) => key.startsWith('io.'))
}
