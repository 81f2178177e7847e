/** How the parts of the arbitration's checker collect what they find, and what they are given of each group. */
import type { Arbitration, GroupOutcome, Problem } from '#core/arbitrate/problem.ts'
import type { Violation } from '#core/model/decision.ts'
import type { RolledUp } from './demand.ts'

/** Part of the capacity within which two amounts are the same: sums of doubles depend on the order of addition. */
const SAME = 1e-9

export interface Findings {
  readonly violations: Violation[]
  /** In the unit of the resource. */
  readonly tolerance: number
  /** Says what is wrong with a row, or with the top level for row -1. */
  readonly add: (rule: string, row: number, message: string) => void
}

/** One group of siblings, as stated and as it should be. */
export interface Group {
  readonly problem: Problem
  readonly result: Arbitration
  readonly demand: RolledUp
  readonly outcome: GroupOutcome
}

export function findings(problem: Problem): Findings {
  const violations: Violation[] = []
  return {
    violations,
    tolerance: SAME * problem.capacity,
    add: (rule, row, message) => {
      violations.push({ rule, subject: row === -1 ? 'top level' : (problem.ids[row] ?? `row ${row}`), message })
    },
  }
}
