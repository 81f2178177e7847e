import { claimOf, isPlainlyDenied } from './claim.ts'
import { type DomainView, heldKey, levelOf, type View } from './look.ts'
import type { Resource } from './model/resource.ts'

/** Weight of the newest turn in the smoothed use by whoever is not managed. */
const NEWEST = 0.3
/** A host of which this part is used has next to nothing left that anybody could take. */
const FULL = 0.9

/**
 * Use by whoever takes no part: all use on the host less that of the domains that do. Smoothed over turns. On a full host
 * it tells little of what they need: whoever takes what others leave uses more the less those use. There it stays what it
 * was, as far as they use that much, and is more only where domains do not get what is theirs.
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
    if (previous === null || used < previous || isOther || elapsedMs <= 0 || view.known.bootId !== view.seen.at.bootId)
      return before?.unmanaged ?? 0
    all = ((used - previous) * 1000) / elapsedMs
  }
  const now = Math.max(0, all - theirs)
  if (before === undefined) return now
  const isFull = resource.kind === 'rate' && resource.compressible && all >= FULL * total
  const taken = isFull ? Math.max(now - leftOver(taking, resource), Math.min(before.unmanaged, now)) : now
  return before.unmanaged + NEWEST * (taken - before.unmanaged)
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
