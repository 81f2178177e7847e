import { type DomainView, waitedMsOf } from './look.ts'
import type { ResourceKey } from './model/ids.ts'
import { CPU } from './model/resource.ts'

/** What a domain has of a resource, has used of it, and would have used had it not waited, in the resource's unit. */
export interface Claim {
  readonly has: number
  readonly used: number
  readonly wanted: number
}

/** Who would have used less than this part of what is owed to him lacks none of it, however long he waits. */
const WANTS = 0.9
/** Who gets less than this part of what is owed to him is plainly denied it; noise and single waits deny less. */
const PLAINLY = 0.7

/**
 * Of several threads the waits add up, so that what is wanted may be more than they could use.
 *
 * Worked: with 500 millicores in force one used 200 and was held back for 0.6 of the time: 500 were wanted.
 */
export function claimOf(
  { inForce, use, heldBack }: Pick<DomainView, 'inForce' | 'use' | 'heldBack'>,
  key: ResourceKey,
): Claim {
  const used = use[key] ?? 0
  return { has: inForce[key] ?? 0, used, wanted: used / Math.max(1 - (heldBack[key] ?? 0), 1e-3) }
}

/**
 * That on CPU by what was counted in this turn. Of who waited and did not run at all, the part of the time that it was
 * held back does not tell how much it wanted.
 */
export function countedClaim(domain: DomainView): Claim {
  const used = domain.use[CPU] ?? 0
  return { has: domain.inForce[CPU] ?? 0, used, wanted: used + waitedMsOf(domain) }
}

/** Whether it would have used what is owed to it, or next to all of that. */
export function wantsAll({ wanted }: Claim, owed: number): boolean {
  return wanted >= WANTS * owed
}

/**
 * What of `owed` it wanted and did not get.
 *
 * Worked: of 200 used and 500 wanted, 200 are denied where 400 are owed, and none where 600 are: it did not want those.
 */
export function deniedOf(claim: Claim, owed: number): number {
  return wantsAll(claim, owed) ? Math.max(0, owed - claim.used) : 0
}

export function isPlainlyDenied(claim: Claim, owed: number): boolean {
  return deniedOf(claim, owed) > (1 - PLAINLY) * owed
}
