import { countedClaim } from '#core/claim.ts'
import { type DomainView, smooth } from '#core/look.ts'
import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { remembered, type Sight } from './estimator.ts'

/** What a domain does in less time than this says little of what it needs. */
const SECOND_MS = 1000
/** What lasts so long, a second but for what turns vary by, tells enough by itself. */
export const ENOUGH_MS = 900

/**
 * What a domain uses, how long it is held back, and what was in force for it meanwhile, over a second at least:
 * estimators keep the most of what they want, which of a noise is the more the oftener they look. Shorter turns count
 * for as much of a second as they last.
 *
 * Worked: after 400 millicores, a turn of 250 ms in which 800 are used makes 500.
 */
export function lately(
  domain: DomainView,
  memory: GoalMemory,
): Pick<Sight, 'use' | 'smoothUse' | 'heldBack' | 'inForce'> & { readonly memory: GoalMemory } {
  const { use, smoothUse, heldBack, inForce, seen, known } = domain
  const now = countedClaim(domain)
  const lengthMs = known === null ? SECOND_MS : seen.takenAtMs - known.seenAtMs
  const part = lengthMs / SECOND_MS
  // Use of one that stands still is none of what it would use.
  if (use[CPU] === undefined || lengthMs >= ENOUGH_MS || seen.state !== 'running') {
    return { use, smoothUse, heldBack, inForce, memory: {} }
  }
  const used = mean(remembered(memory, 'usedLately'), now.used, part)
  const wanted = mean(remembered(memory, 'wantedLately'), now.wanted, part)
  const had = mean(remembered(memory, 'hadLately'), now.has, part)
  const smoothed = smooth(remembered(memory, 'smoothLately') ?? known?.resources[CPU]?.use ?? undefined, used)
  return {
    use: { ...use, [CPU]: used },
    smoothUse: { ...smoothUse, [CPU]: smoothed },
    heldBack: wanted > 0 ? { ...heldBack, [CPU]: Math.max(0, 1 - used / wanted) } : heldBack,
    inForce: inForce[CPU] === undefined ? inForce : { ...inForce, [CPU]: had },
    memory: { usedLately: used, wantedLately: wanted, hadLately: had, smoothLately: smoothed },
  }
}

function mean(before: number | undefined, now: number, part: number): number {
  return before === undefined ? now : before + Math.max(part, 0) * (now - before)
}

/** What was used in so many ms, over a second at least: with what was used before where that is less than a second. */
export function overASecond(before: number | undefined, now: number, lengthMs: number): number {
  return lengthMs >= ENOUGH_MS ? now : mean(before, now, lengthMs / SECOND_MS)
}
