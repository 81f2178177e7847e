import type { FrameRow } from './frame.ts'
import type { DomainView, View } from './look.ts'
import type { DomainObservation } from './model/observation.ts'
import type { DomainPolicy } from './model/policy.ts'
import { CPU } from './model/resource.ts'

/** A vCPU more is woken before those that run are used up, or nobody would see that they do not suffice. */
const BUSY = 0.9

/** The most CPU that a domain can take at all, in millicores: what its vCPUs make, or could make where they follow. */
export function mostCpu(seen: DomainObservation, { vcpus }: DomainPolicy): number {
  if (vcpus === null || seen.settings['cpu.count'] === undefined) return seen.most?.[CPU] ?? Number.POSITIVE_INFINITY
  return Math.min(vcpus.most, mostVcpus(seen)) * 1000
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
