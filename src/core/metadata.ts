import type { DomainObservation } from './model/observation.ts'
import type { DomainPolicy, Share } from './model/policy.ts'

/** Of what nothing is said. */
export const NO_SHARE: Share = { reservation: null, own: null, lend: true, borrow: true, limit: null, weight: null }

/**
 * The policy of a domain narrowed by what its own metadata asks for, as far as the policy allows it to: it may join
 * groups that the policy names, stay outside, run on fewer CPUs, and have less. Nothing here gives it more than the
 * policy's entry does: a limit below its reservation lowers that, too.
 *
 * Worked: a limit of 2000 in the policy and of 500 in the metadata is 500; one of 4000 changes nothing.
 */
export function narrowed(policy: DomainPolicy, { metadata }: DomainObservation): DomainPolicy {
  const allowed = policy.metadata
  if (allowed === null || metadata === undefined) return policy
  const groups = metadata.groups.filter((group) => allowed.groups.includes(group) && !policy.groups.includes(group))
  return {
    ...policy,
    groups: [...policy.groups, ...groups],
    role: allowed.ignore && metadata.ignore ? 'ignored' : policy.role,
    placement: { ...policy.placement, pin: pinOf(policy.placement.pin, allowed.pin ? metadata.pin : null) },
    shares: allowed.limit ? withLimits(policy, metadata.limits) : policy.shares,
  }
}

/** CPUs that both allow; the policy's where nothing is left of them. */
function pinOf(ours: readonly number[] | null, theirs: readonly number[] | null): readonly number[] | null {
  if (theirs === null || ours === null) return theirs ?? ours
  const both = ours.filter((cpu) => theirs.includes(cpu))
  return both.length > 0 ? both : ours
}

function withLimits(
  { shares, controls }: DomainPolicy,
  limits: Readonly<Record<string, number>>,
): DomainPolicy['shares'] {
  const lower = (amount: number | null, limit: number): number | null =>
    amount === null ? null : Math.min(amount, limit)
  const all: Record<string, Share> = { ...shares }
  for (const key of controls) {
    const wanted = limits[key]
    if (wanted === undefined) continue
    const its = shares[key] ?? NO_SHARE
    const limit = Math.min(its.limit ?? Number.POSITIVE_INFINITY, wanted)
    all[key] = { ...its, limit, reservation: lower(its.reservation, limit), own: lower(its.own, limit) }
  }
  return all
}
