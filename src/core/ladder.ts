import type { ResourceKnowledge } from './model/knowledge.ts'
import type { Rung } from './model/policy.ts'

/**
 * The threshold ladder: a large difference triggers at once, a smaller one only when it lasts. Source: document B,
 * reallocation thresholds; SEMANTICS "Settling".
 */
export const DEFAULT_LADDER: readonly Rung[] = [
  { difference: 0.1, samples: 1 },
  { difference: 0.09, samples: 2 },
  { difference: 0.08, samples: 3 },
]

/** Of a domain that nobody asks anything for. */
export const LEFT_OVER: readonly Rung[] = [{ difference: 0.1, lastsMs: 60_000 }]

export type Ladder = ResourceKnowledge['ladder']
export const AT_REST: Ladder = { sign: 0, samples: [], sinceMs: [] }

const RESTING = { ladder: AT_REST, triggered: false }

/** Differences this close below a rung count as on it, so that 10 % computed in doubles is 10 %. */
const NEARLY = 1e-9

/**
 * The signed difference over what is in force, at least one grain: 110 against 100 differ by 0.1. Less than a grain is
 * no difference, because rounding would keep what is in force.
 */
export function differenceOf(entitlement: number, inForce: number, grain: number): number {
  if (Math.abs(entitlement - inForce) < grain * (1 - NEARLY)) return 0
  return (entitlement - inForce) / Math.max(inForce, grain)
}

/**
 * Counts one more sample. Each rung counts the samples in a row at or above it that have one sign; the ladder has
 * triggered when any rung has counted enough of them, or has been held for long enough.
 */
export function climb(
  ladder: Ladder,
  rungs: readonly Rung[],
  difference: number,
  nowMs: number,
): { readonly ladder: Ladder; readonly triggered: boolean } {
  const sign = difference > 0 ? 1 : difference < 0 ? -1 : 0
  if (sign === 0) return RESTING
  const size = Math.abs(difference) + NEARLY
  const samples: number[] = []
  const sinceMs: number[] = []
  let triggered = false
  for (const [index, rung] of rungs.entries()) {
    const on = size >= rung.difference
    const before = on && sign === ladder.sign ? (ladder.samples[index] ?? 0) : 0
    const since = before > 0 ? (ladder.sinceMs[index] ?? nowMs) : nowMs
    samples.push(on ? before + 1 : 0)
    sinceMs.push(since)
    if (on) triggered ||= 'samples' in rung ? before + 1 >= rung.samples : nowMs - since >= rung.lastsMs
  }
  return { ladder: { sign, samples, sinceMs }, triggered }
}

/** True for a move of an allocation. By a grain, rounding alone may shift it to and fro, which is no move. */
export function isMove(gain: number, grain: number): boolean {
  return Math.abs(gain) > grain * (1 + 1e-3)
}
