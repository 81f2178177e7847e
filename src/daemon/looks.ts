import { controls } from '#core/look.ts'
import type { Decision } from '#core/model/decision.ts'
import type { Observation } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { CPU } from '#core/model/resource.ts'

/** Drivers look at what takes long to tell this often. */
const EVERY_MS = 10_000
/**
 * While a goal is missed that something else than CPU may help, or processes grow towards a limit that kills: of that
 * only a look tells.
 */
const HURRIED_MS = 2000
/** A limit that kills is near where its processes fill this part of it, the room that they are left included. */
const NEAR = 0.8

/** How long after one look the next is due. */
export function lookEveryMs(
  policy: Policy,
  last: { readonly decision: Decision; readonly observation: Observation } | null,
): number {
  const missed = new Set(
    last?.decision.goals.flatMap(({ status, domain }) => (status.kind === 'missed' ? [domain] : [])),
  )
  const isNearLimit = last?.decision.resources.some(({ rows }) =>
    rows.some(({ own, allocation }) => own !== undefined && own > NEAR * allocation),
  )
  if (isNearLimit === true) return HURRIED_MS
  const isHurried = last?.observation.domains.some(({ name, policyIndex }) => {
    const its = policy.domains[policyIndex]
    return (
      missed.has(name) && its !== undefined && policy.resources.some(({ key }) => key !== CPU && controls(its, key))
    )
  })
  return isHurried === true ? HURRIED_MS : EVERY_MS
}
