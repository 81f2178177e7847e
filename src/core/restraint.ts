import type { Frame, FrameRow } from './frame.ts'
import type { DomainView, View } from './look.ts'
import type { DomainName } from './model/ids.ts'
import { CPU } from './model/resource.ts'

/** Who gets less than this part of what he is entitled to, and wants more than it, is short of it. */
const SHORT = 0.8
const WANTS = 1.2
/** Who uses more than this part of what he is entitled to takes what others are short of. */
const TAKES = 1.1
/** While less than this part of the capacity is in use nobody takes anything from others. */
const BUSY = 0.9

/**
 * Domains under a guarantee that are held to their allocations by a quota for now, because the scheduler gives them what
 * others are entitled to and wait for. Weights promise shares, and some kernels break that promise for seconds: a group
 * that has most of a CPU and whose own load goes up and down keeps it all.
 */
export function restrained(view: View, frame: Frame): ReadonlySet<DomainName> {
  const rows = frame.rows.filter(isUnderGuarantee)
  const isShort = rows.some(({ view: domain }) => shortBy(domain) > 0)
  const inUse = view.domains.reduce((sum, { use }) => sum + (use[CPU] ?? 0), 0)
  const isBusy = inUse >= BUSY * frame.capacity.available
  const held = rows.filter((row) => (isBusy && isRestrained(view, row)) || (isShort && takes(row.view)))
  return new Set(held.map(({ name }) => name))
}

type Row = FrameRow & { readonly view: DomainView }

function isUnderGuarantee(row: FrameRow): row is Row {
  return row.view !== null && row.standing === 'managed' && row.policy.enforcement === 'guarantee'
}

/** Millicores that it is entitled to, wants, and does not get. */
function shortBy({ use, heldBack, inForce }: DomainView): number {
  const [used, entitled] = [use[CPU] ?? 0, inForce[CPU] ?? 0]
  const wanted = used / Math.max(1 - (heldBack[CPU] ?? 0), 1e-3)
  return used < SHORT * entitled && wanted > WANTS * entitled ? entitled - used : 0
}

function takes({ use, inForce }: DomainView): boolean {
  return (use[CPU] ?? 0) > TAKES * (inForce[CPU] ?? Number.POSITIVE_INFINITY)
}

/** A quota of Reeve's that the policy does not state, and that it still runs into. */
function isRestrained(view: View, { view: domain, policy }: Row): boolean {
  const quota = view.known.set[domain.seen.node]?.['cpu.quota']?.value
  if (typeof quota !== 'number' || policy.shares[CPU]?.limit === quota) return false
  return (domain.use[CPU] ?? 0) >= BUSY * quota
}
