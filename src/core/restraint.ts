import type { Need } from './estimate/estimate.ts'
import type { Frame, FrameRow } from './frame.ts'
import type { DomainView, View } from './look.ts'
import type { DomainName } from './model/ids.ts'
import { CPU } from './model/resource.ts'

/** Who gets less than this part of what is owed to him, and wants so much more than it, is short of it. */
const SHORT = 0.7
const WANTS = 1.2
/** Who uses more than this part of what he is entitled to takes from others. */
const TAKES = 1.1
/** What is taken back, of what others are short of: what they get then shows what they really want. */
const TAKEN_BACK = 1.2
/** Where less than this part of the capacity is in use nobody takes anything from others. */
const BUSY = 0.9

/** A quota for a domain that is under a guarantee, in millicores, for as long as it takes what others are short of. */
export interface Restraint {
  readonly quota: number
  /** Who is short of the most; null where nobody is any more, and the restraint holds that. */
  readonly short: DomainName | null
}

/**
 * Weights promise shares, and some kernels break that promise for seconds: a group that has most of a CPU and whose own
 * load goes up and down keeps it all. So whoever uses more than he is entitled to, while another waits for what goals
 * or his reservation ask for, is held to less of it by a quota, though never to less than his allocation. That lasts for
 * the cooldown, and until he no longer runs into it or the host is busy no more. Nobody is restrained while he misses a
 * goal that is as important as those of who is short, or any while nobody is.
 *
 * Worked: entitled to 1400 of 2000 millicores one uses 1900, another 60 of 400. 1.2 x 340 are taken back: 1492 are left.
 */
export function restraints(
  view: View,
  { rows, capacity }: Frame,
  allocation: Float64Array,
  needs: readonly Need[],
): ReadonlyMap<DomainName, Restraint> {
  const managed = rows.flatMap((row, index) => (isUnderGuarantee(row) ? [{ ...row, index }] : []))
  const shortOnes = managed.filter((row) => shortBy(row) > 0).toSorted((one, other) => shortBy(other) - shortBy(one))
  const missing = shortOnes.reduce((sum, row) => sum + shortBy(row), 0)
  const priority = Math.min(...shortOnes.map(({ name }) => priorityOf(needs, name, false)))
  const isExempt = ({ name }: Row): boolean => {
    const missed = priorityOf(needs, name, true)
    return missed <= priority && Number.isFinite(missed)
  }
  const takers = managed.filter((row) => excessOf(row.view) > 0 && !isExempt(row))
  const taken = takers.reduce((sum, { view: domain }) => sum + excessOf(domain), 0)
  const inUse = view.domains.reduce((sum, { use }) => sum + (use[CPU] ?? 0), 0)
  const isBusy = inUse >= BUSY * capacity.available
  const found = new Map<DomainName, Restraint>()
  for (const row of managed) {
    const before = quotaByReeve(view, row)
    const stands = before !== null && !isExempt(row) && isHeld(view, row, before, isBusy)
    const part = missing > 0 && takers.includes(row) ? excessOf(row.view) / taken : 0
    if (part === 0 && !stands) continue
    const most = stands ? before.quota : Number.POSITIVE_INFINITY
    const less = part > 0 ? (row.view.use[CPU] ?? 0) - TAKEN_BACK * missing * part : Number.POSITIVE_INFINITY
    const quota = Math.max(allocation[row.index] ?? 0, Math.min(most, less))
    found.set(row.name, { quota, short: shortOnes[0]?.name ?? null })
  }
  return found
}

type Row = FrameRow & { readonly view: DomainView }

function isUnderGuarantee(row: FrameRow): row is Row {
  return row.view !== null && row.standing === 'managed' && row.policy.enforcement === 'guarantee'
}

/** Millicores that are owed to it, that it wants, and does not get. */
function shortBy({ view: { use, smoothUse, heldBack, inForce }, requests, policy }: Row): number {
  const asked = Math.max(0, ...requests, policy.shares[CPU]?.reservation ?? 0)
  const owed = Math.min(asked, inForce[CPU] ?? 0)
  const used = use[CPU] ?? 0
  const wanted = used / Math.max(1 - (heldBack[CPU] ?? 0), 1e-3)
  const isUsed = Math.max(used, smoothUse[CPU] ?? 0) >= SHORT * owed
  return !isUsed && wanted > WANTS * owed ? owed - used : 0
}

/** Millicores that it uses beyond what it is entitled to, where they are worth speaking of. */
function excessOf({ use, inForce }: DomainView): number {
  const [used, entitled] = [use[CPU] ?? 0, inForce[CPU] ?? Number.POSITIVE_INFINITY]
  return used > TAKES * entitled ? used - entitled : 0
}

/** Of its goals, or of those that it misses, the most important; infinite where there is none. */
function priorityOf(needs: readonly Need[], name: DomainName, isMissed: boolean): number {
  const its = needs.filter(({ domain, status }) => domain === name && (!isMissed || status.kind === 'missed'))
  return Math.min(...its.map(({ goal }) => goal.priority))
}

interface Held {
  readonly quota: number
  readonly atMs: number
}

/** The quota that Reeve holds it to now beside what the policy states; null where it does not. */
function quotaByReeve({ known }: View, { view: { seen }, policy }: Row): Held | null {
  const set = known.set[seen.node]?.['cpu.quota']
  if (typeof set?.value !== 'number' || set.value === policy.shares[CPU]?.limit) return null
  return { quota: set.value, atMs: set.atMs }
}

function isHeld({ seen, policy }: View, { view: { use } }: Row, { quota, atMs }: Held, isBusy: boolean): boolean {
  if (seen.at.monotonicMs - atMs < policy.host.cooldownMs) return true
  return isBusy && (use[CPU] ?? 0) >= BUSY * quota
}
