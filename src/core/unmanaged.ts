import { claimOf, isPlainlyDenied } from './claim.ts'
import { type DomainView, heldKey, levelOf, type View } from './look.ts'
import type { DomainName } from './model/ids.ts'
import type { DomainKnowledge } from './model/knowledge.ts'
import type { Resource } from './model/resource.ts'

/** Weight of the newest turn in the smoothed use by whoever is not managed. */
const NEWEST = 0.3
/** A host of which this part is used has next to nothing left that anybody could take. */
const FULL = 0.9

/**
 * Use by whoever takes no part: all use on the host less that of the domains that do. Smoothed over turns. On a full host
 * it tells little of what they need: whoever takes what others leave uses more the less those use. There it stays what it
 * was, as far as they use that much, and is more only where domains do not get what is theirs.
 *
 * Of a rate, what a domain has used in the turn in which it comes or ends cannot be told, so nothing is learned from that
 * turn. What it is then first told to use stood here for as long as it ran unseen.
 *
 * Worked: 1600 millicores are unmanaged, 1000 of them by a machine that is found now. They stay 1600 in this turn, and in
 * the next one, in which it uses 1000 of 1600, they are 600.
 */
export function unmanagedUse(view: View, resource: Resource, taking: readonly DomainView[]): number {
  const before = view.known.host[resource.key]
  const total = view.seen.capacity[resource.key]?.total ?? 0
  const used = view.seen.capacity[resource.key]?.used ?? null
  if (used === null) return before?.unmanaged ?? 0
  const theirs = taking.reduce((sum, domain) => sum + partOfAll(domain, resource), 0)
  const elapsedMs = view.seen.at.monotonicMs - view.known.lastAtMs
  let all = used
  if (resource.kind === 'rate') {
    const previous = before?.used ?? null
    // Of another total, other use may be counted.
    const isOther = before?.capacity !== total
    if (
      previous === null ||
      !(used >= previous) ||
      isOther ||
      elapsedMs <= 0 ||
      view.known.bootId !== view.seen.at.bootId
    )
      return before?.unmanaged ?? 0
    if (taking.some(({ known }) => known === null) || hasEnded(view, resource)) return before?.unmanaged ?? 0
    all = ((used - previous) * 1000) / elapsedMs
  }
  const now = Math.max(0, all - theirs)
  if (before === undefined) return now
  const isFull = resource.kind === 'rate' && resource.compressible && all >= FULL * total
  // What newcomers use comes off as far as it was counted here: whoever has just started never was.
  const stood = Math.max(before.unmanaged - usedByNew(taking, resource), Math.min(before.unmanaged, now))
  const taken = isFull ? Math.max(now - leftOver(taking, resource), Math.min(stood, now)) : now
  return stood + NEWEST * (taken - stood)
}

/** Whether one that took part in the last turn is gone. */
function hasEnded({ policy, known, byName }: View, { key }: Resource): boolean {
  const sinceMs = known.lastAtMs - policy.host.intervalMs / 2
  for (const name in known.domains) {
    const its = known.domains[name as DomainName] as DomainKnowledge
    if (its.seenAtMs >= sinceMs && (its.resources[key]?.use ?? null) !== null && !byName.has(name as DomainName))
      return true
  }
  return false
}

/** Use by those of whom it is told for the first time. */
function usedByNew(taking: readonly DomainView[], { key, kind }: Resource): number {
  if (kind === 'stock') return 0
  return taking.reduce((sum, { use, known }) => {
    return (known?.resources[key]?.use ?? null) === null ? sum + (use[key] ?? 0) : sum
  }, 0)
}

/** What domains are entitled to and do not use, as far as they are not denied it. */
function leftOver(taking: readonly DomainView[], { key }: Resource): number {
  return taking.reduce((sum, domain) => {
    const claim = claimOf(domain, key)
    if (domain.standing !== 'managed' || isPlainlyDenied(claim, claim.has)) return sum
    return sum + Math.max(0, claim.has - claim.used)
  }, 0)
}

/**
 * Of what is in use on the host, what counts as the domain's own. A machine holds memory that it has not touched yet,
 * and its emulator uses some that is none of its.
 */
function partOfAll({ use, held, seen, known }: DomainView, { key, kind }: Resource): number {
  const total = kind === 'stock' ? levelOf(seen, known, `${key}.total`) : undefined
  const isHeld = levelOf(seen, known, heldKey(key)) !== undefined
  return isHeld ? Math.min(held[key] ?? 0, total ?? Number.POSITIVE_INFINITY) : (use[key] ?? 0)
}
