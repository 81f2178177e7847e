/** What one division among siblings works on: the problem, the demand, the columns of the answer, and scratch space. */
import type { Rising } from './level.ts'
import { BOUNDS, type BoundKind, type Problem } from './problem.ts'
import type { Demand } from './rollup.ts'

/** The columns of the answer are by position until all groups are divided. */
export interface Division {
  readonly problem: Problem
  readonly demand: Demand
  readonly entitlement: Float64Array
  readonly bound: Uint8Array
  readonly boundClass: Int16Array
  /** For the search of a level; at least as long as the largest group. */
  readonly rising: Rising
}

/** One group of siblings: the positions `from` up to, but not including, `to`, and the capacity that they divide. */
export interface Siblings {
  readonly group: number
  readonly from: number
  readonly to: number
  readonly capacity: number
}

const codeOf = (kind: BoundKind): number => BOUNDS.indexOf(kind)
/** The codes of the column `bound` by name. */
export const BOUND = {
  start: codeOf('start'),
  own: codeOf('own'),
  request: codeOf('request'),
  limit: codeOf('limit'),
  level: codeOf('level'),
  surplus: codeOf('surplus'),
  shrunk: codeOf('shrunk'),
} as const
