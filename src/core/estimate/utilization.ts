import type { GoalMemory } from '#core/model/knowledge.ts'
import { type Estimator, remembered } from './estimator.ts'

/** A domain that waits for more than this part of its time is taken to want more than it uses. */
const HELD_BACK = 0.1
/** How much more it is taken to want: enough to find its true demand in a few turns, too little to starve others. */
const GROWTH = 1.25
/** What was wanted counts for so long at least, and for twice as long at most. */
const WINDOW_MS = 10_000

/**
 * Needs so much that the use is `target` of it; the use that counts is the most of the last 10 to 20 s, so that a need
 * rises at once, falls late, and does not follow the noise of a steady load. Use that is held back is no measure of
 * demand, so it is raised until nothing waits any more. Source: the utilization goals of HP gWLM ("conventional"
 * utilization policies); the peak of a window is one of the recommenders of Autopilot (EuroSys 2020).
 *
 * Worked: 600 millicores used at a target of 0.75 need 800; the same held back for a fifth of the time need 1000.
 */
export const utilization: Estimator<'utilization'> = (aim, sight, memory) => {
  const workingSet = sight.workingSet[aim.resource]
  const use = workingSet ?? sight.smoothUse[aim.resource]
  if (use === undefined) {
    return { need: {}, because: { kind: 'fallback', reason: 'no-reading' }, measured: null, memory }
  }
  // A working set has been raised already by what it was short at.
  const heldBack = workingSet === undefined && (sight.heldBack[aim.resource] ?? 0) > HELD_BACK
  const window = windowed(memory, use * (heldBack ? GROWTH : 1), sight.nowMs)
  const wanted = Math.max(window.now, window.before)
  const need = wanted / aim.target
  const inForce = sight.inForce[aim.resource] ?? 0
  const value = inForce > 0 ? (workingSet ?? sight.use[aim.resource] ?? use) / inForce : 0
  return {
    need: { [aim.resource]: Math.min(need, sight.capacity[aim.resource] ?? need) },
    because: { kind: 'utilization', resource: aim.resource, wanted, target: aim.target, heldBack },
    measured: { value, target: aim.target, index: value / aim.target },
    memory: { ...window },
  }
}

/** The most of the window under way and of the one before it; empty memory begins one. */
function windowed(
  memory: GoalMemory,
  wanted: number,
  nowMs: number,
): { readonly now: number; readonly before: number; readonly sinceMs: number } {
  const now = remembered(memory, 'now') ?? 0
  const sinceMs = remembered(memory, 'sinceMs') ?? nowMs
  // A goal that was closed for a while begins anew.
  if (nowMs - sinceMs >= 2 * WINDOW_MS) return { now: wanted, before: 0, sinceMs: nowMs }
  if (nowMs - sinceMs >= WINDOW_MS) return { now: wanted, before: now, sinceMs: nowMs }
  return { now: Math.max(now, wanted), before: remembered(memory, 'before') ?? 0, sinceMs }
}
