import type { FrameRow } from './frame.ts'
import type { View } from './look.ts'
import type { Setting } from './model/observation.ts'

/**
 * Whether a domain is to stand still: where its policy lets it be swapped for others, it is paused while it asks for
 * enough to be worth running and is given less, and goes on as soon as it is given that. One that asks for little runs.
 * Neither is taken back within the cooldown; null where nothing is to be said. 1 is paused.
 *
 * Worked: `pauseBelow` 300, asked for 800 millicores and given 250 is 1; given 300 is 0; asked for 50 and given 50 is 0.
 */
export function pausing(view: View, row: FrameRow, allocation: number): 0 | 1 | null {
  const domain = row.view
  const least = row.policy.pauseBelow
  const now: Setting | undefined = domain?.settings.freeze
  if (domain === null || least === null || typeof now !== 'number') return null
  const set = view.known.set[domain.seen.node]?.freeze
  // Whom somebody else paused is left so.
  if (now === 1 && set?.value !== 1) return null
  const wanted = allocation < least && Math.max(0, ...row.requests) >= least ? 1 : 0
  if (wanted === now) return null
  const isTooSoon = set !== undefined && view.seen.at.monotonicMs - set.atMs < view.policy.host.cooldownMs
  return isTooSoon ? null : wanted
}
