import type { Estimator } from './estimator.ts'
import { mostOf, windowed } from './window.ts'

/** A domain that waits for more than this part of its time is taken to want more than it uses. */
const HELD_BACK = 0.1
/** How much more it is taken to want: enough to find its true demand in a few turns, too little to starve others. */
const GROWTH = 1.25

/**
 * Needs so much that the use is `target` of it; the use that counts is the most of the last 30 to 60 s, so that a need
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
    return { need: {}, least: {}, because: { kind: 'fallback', reason: 'no-reading' }, measured: null, memory }
  }
  // A working set has been raised already by what it was short at.
  const { wanted: now, heldBack } = wantedOf(use, workingSet === undefined ? sight.heldBack[aim.resource] : 0)
  const window = windowed(memory, now, sight.nowMs)
  const wanted = mostOf(window)
  const need = wanted / aim.target
  const all = Math.min(need, sight.capacity[aim.resource] ?? need)
  const inForce = sight.inForce[aim.resource] ?? 0
  const value = inForce > 0 ? (workingSet ?? sight.use[aim.resource] ?? use) / inForce : 0
  return {
    need: { [aim.resource]: all },
    least: { [aim.resource]: all },
    because: { kind: 'utilization', resource: aim.resource, wanted, target: aim.target, heldBack },
    measured: { value, target: aim.target, index: value / aim.target },
    memory: { ...window },
  }
}

/** What a domain is taken to want that uses so much and waits for that part of its time (0..1). */
export function wantedOf(use: number, waited = 0): { readonly wanted: number; readonly heldBack: boolean } {
  const heldBack = waited > HELD_BACK
  return { wanted: use * (heldBack ? GROWTH : 1), heldBack }
}
