import type { Goal } from './cast.ts'
import type { Vector } from './contenders/static.ts'
import type { RunFigures } from './summary.ts'

export interface Tried {
  readonly vector: Vector
  readonly figures: RunFigures
}

/** Differences of attainment up to this are none. */
const ALIKE = 0.02

/** The best first: by the goals of priority 1, then by those of priority 2, then by the batch jobs' work. */
export function bestOf(tried: readonly Tried[]): Vector[] {
  const left = [...tried]
  const ordered: Vector[] = []
  // Not a sort: "alike" is not transitive.
  while (left.length > 0) {
    const best = left.reduce((one, other) => (isBetter(other.figures, one.figures) ? other : one))
    ordered.push(best.vector)
    left.splice(left.indexOf(best), 1)
  }
  return ordered
}

function isBetter(one: RunFigures, other: RunFigures): boolean {
  for (const priority of [1, 2] as const) {
    const difference = heldOf(one, priority) - heldOf(other, priority)
    if (Math.abs(difference) > ALIKE) return difference > 0
  }
  return one.workPerSecond > other.workPerSecond
}

/** Every window counts here: the acts of a search are short. */
function heldOf({ acts }: RunFigures, priority: Goal['priority']): number {
  const its = acts.flatMap(({ held }) => held.filter((one) => one.fits && one.priority === priority))
  return its.reduce((sum, one) => sum + one.heldAll, 0) / its.reduce((sum, one) => sum + one.countedAll, 0)
}
