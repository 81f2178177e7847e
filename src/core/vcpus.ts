import { isYielded } from './drift.ts'
import type { FrameRow } from './frame.ts'
import type { DomainView, View } from './look.ts'
import type { DomainObservation } from './model/observation.ts'
import type { DomainPolicy } from './model/policy.ts'
import { CPU, ONE_CPU } from './model/resource.ts'

/** A vCPU more is woken before those that run are used up, or nobody would see that they do not suffice. */
const BUSY = 0.9

/**
 * The most CPU that a domain can take at all, in millicores: by its vCPUs, by the CPUs that it is pinned to, and by a
 * quota that is not Reeve's.
 *
 * Worked: 4 vCPUs pinned to 3 CPUs, one of which is offline, take 2000; under somebody else's quota of 500 they take 500.
 */
export function mostCpu(view: View, domain: DomainView): number {
  const { seen, policy } = domain
  const pinned = pinnedCpus(view, policy)
  return Math.min(
    mostByVcpus(seen, policy),
    pinned === null ? Number.POSITIVE_INFINITY : pinned.length * ONE_CPU,
    quotaOfOthers(view, domain) ?? Number.POSITIVE_INFINITY,
  )
}

/** What its vCPUs make, or could make where they follow what it is given. */
function mostByVcpus(seen: DomainObservation, { vcpus }: DomainPolicy): number {
  if (vcpus === null || seen.settings['cpu.count'] === undefined) return seen.most?.[CPU] ?? Number.POSITIVE_INFINITY
  return Math.min(vcpus.most, mostVcpus(seen)) * ONE_CPU
}

/** Those of its pin that are online; null where it has none, or nothing is left of it and it gives way. */
export function pinnedCpus({ seen }: View, { placement }: DomainPolicy): readonly number[] | null {
  const online = placement.pin?.filter((pinned) => seen.topology.cpus.some(({ id }) => id === pinned)) ?? []
  return online.length > 0 ? online : null
}

/**
 * A quota in millicores that others gave a domain under a guarantee, which holds it whatever it is entitled to: the one
 * that was found before Reeve set any, or one that is left to them. null where there is none, or the policy's own limit
 * takes its place.
 */
export function quotaOfOthers({ known }: View, { policy, seen, settings, drift }: DomainView): number | null {
  if (policy.enforcement !== 'guarantee') return null
  const set = known.set[seen.node]?.['cpu.quota']
  const isLeftToThem = isYielded(drift, 'cpu.quota')
  if (!isLeftToThem && policy.shares[CPU]?.limit != null) return null
  const quota = isLeftToThem || set === undefined ? settings['cpu.quota'] : set.found
  return typeof quota === 'number' ? quota : null
}

function mostVcpus({ most }: DomainObservation): number {
  return most?.['cpu.count'] ?? (most?.[CPU] ?? Number.POSITIVE_INFINITY) / 1000
}

/**
 * How many vCPUs a guest is to have in use, where its policy lets them follow what it is given: enough for its
 * allocation, and, where it may use what others leave idle, for what it uses. Fewer only after the cooldown; null where
 * nothing is to be said.
 *
 * Worked: an allocation of 1200 millicores is 2 vCPUs; use of 1900 on those two is 3, as 2 are busy for more than 0.9.
 */
export function vcpuCount(view: View, row: FrameRow, allocation: number): number | null {
  const domain = row.view
  const range = row.policy.vcpus
  const now = domain?.settings['cpu.count']
  if (domain === null || range === null || typeof now !== 'number') return null
  const enough = enoughCpus(allocation, usedFreely(row), BUSY)
  const wanted = Math.max(Math.min(enough, range.most, mostVcpus(domain.seen)), range.least)
  return wanted < now && isTooSoon(view, domain) ? null : wanted
}

/** Guests are not bothered by CPUs that come and go. */
function isTooSoon({ known, seen, policy }: View, { seen: { node } }: DomainView): boolean {
  const set = known.set[node]?.['cpu.count']
  return set !== undefined && seen.at.monotonicMs - set.atMs < policy.host.cooldownMs
}

/**
 * Whole CPUs for an allocation and a use in millicores, of which those CPUs are busy for the part `busy` at most.
 *
 * Worked: 1200 allocated are 2 CPUs; with 1900 used, and busy for 0.9 at most, they are 3.
 */
export function enoughCpus(allocation: number, use: number, busy: number): number {
  return Math.ceil(Math.max(allocation, use / busy) / 1000 - 1e-9)
}

/** Millicores that a domain uses, where it may use what others leave idle; 0 where it is held to its allocation. */
export function usedFreely({ policy, view }: FrameRow): number {
  return policy.enforcement === 'cap' ? 0 : (view?.smoothUse[CPU] ?? 0)
}
