import type { Allotted } from './allot.ts'
import { type Claim, countedClaim, deniedOf, isPlainlyDenied } from './claim.ts'
import type { Need } from './estimate/estimate.ts'
import { ENOUGH_MS } from './estimate/lately.ts'
import type { FrameRow } from './frame.ts'
import { type DomainView, rateOf, type View } from './look.ts'
import type { DomainName } from './model/ids.ts'
import { CPU, ONE_CPU } from './model/resource.ts'

/** Where a goal is missed, who is denied this part of what is owed to him is short of it; else who is plainly denied it. */
const SHORT_AND_MISSED = 0.1
/** To want a CPU for this part of the time is to want it always. */
const ALL_THE_TIME = 0.9
/** Who is throttled for this part of what he waits waits for his own quota: threads that are throttled may wait, too. */
const THROTTLED = 0.1
/** Who uses more than this part of what he is entitled to takes from others. */
const TAKES = 1.1
/** Where less than this part of the capacity is in use nobody takes anything from others. */
const BUSY = 0.9
/** Quotas that differ by less than this part are the same. */
const NEAR = 0.1

/** A quota for a domain that is under a guarantee, in millicores, for as long as it takes what others are short of. */
export interface Restraint {
  readonly quota: number
  /** Who is short of the most; null where nobody is any more, and the restraint holds that. */
  readonly short: DomainName | null
}

export interface Restraints {
  readonly held: ReadonlyMap<DomainName, Restraint>
  /** Who is short now, if only for this turn yet. */
  readonly short: ReadonlyMap<DomainName, Denial>
}

interface Denial {
  /** When the first of the turns was in which it has been short, without one in which it was not. */
  readonly sinceMs: number
  /** Millicores that are owed to it, and that it wanted and did not get. */
  readonly denied: number
  /** Whether this turn alone shows it: it is plainly denied, and a reading that came with it says that its goal is missed. */
  readonly isPlain: boolean
}

/**
 * Weights promise shares, and some kernels break that promise for seconds: a group that has most of a CPU and whose own
 * load goes up and down keeps it all. So whoever uses more than he is entitled to, while another waits for what goals
 * or his reservation ask for, is held by a quota to what others leave him, though never to less than his allocation. That
 * lasts for the cooldown, and until he no longer runs into it or the host is busy no more; what he is left beyond his
 * allocation grows where others leave more, and shrinks only where one is short. Nobody is restrained while he misses a
 * goal that is as important as those of who is short, or any while nobody is. One is short who has been so for a second,
 * or for one turn of that length where it is plain: for less, anybody may be, by chance or as CPU time was stolen.
 * Whoever is capped depends on the same weights up to his cap, so he may be short, too.
 *
 * Worked: entitled to 1400 of 2000 millicores one uses 1900, another 60 of 400, and waits. The first is left 1600; if a
 * third one uses 100 of another 200 and does not wait, 1500.
 */
export function restraints(view: View, allotted: readonly Allotted[], needs: readonly Need[]): Restraints {
  const its = allotted.find(({ frame }) => frame.resource.key === CPU)
  if (its === undefined) return { held: new Map(), short: new Map() }
  const { rows, capacity } = its.frame
  const { allocation } = its.rounding
  const stakes = stakesOf(needs)
  const managed = rows.flatMap((row, index) => (isManaged(row) ? [{ ...row, index }] : []))
  const short = shortOf(view, managed, stakes)
  const shortOnes = [...short]
    .filter(([, { isPlain, sinceMs }]) => isPlain || view.seen.at.monotonicMs - sinceMs >= ENOUGH_MS)
    .sort(([, one], [, other]) => other.denied - one.denied)
    .map(([name]) => name)
  const priority = Math.min(...shortOnes.map((name) => stakes.get(name)?.priority ?? Number.POSITIVE_INFINITY))
  const isExempt = ({ name }: Row): boolean => {
    const missed = stakes.get(name)?.missed ?? null
    return missed !== null && missed <= priority
  }
  const inUse = view.domains.reduce((sum, { use }) => sum + (use[CPU] ?? 0), 0)
  const isBusy = inUse >= BUSY * capacity.available
  const held = managed.flatMap((row) => {
    if (row.policy.enforcement !== 'guarantee') return []
    const before = quotaByReeve(view, row)
    const stands = before !== null && isHeld(view, row, before, isBusy)
    const begins = shortOnes.length > 0 && excessOf(row.view) > 0
    return (stands || begins) && !isExempt(row) ? [{ ...row, before: before?.quota ?? null }] : []
  })
  const sum = (its: readonly Row[], of: (row: Row) => number) => its.reduce((total, row) => total + of(row), 0)
  const others = inUse - sum(managed, usedBy) + sum(managed, leftTo) - sum(held, leftTo)
  const theirs = held.reduce((total, { index }) => total + (allocation[index] ?? 0), 0)
  const spare = Math.max(0, capacity.available - others - theirs)
  const excess = sum(held, ({ view: domain }) => excessOf(domain))
  const quotas = new Map(
    held.map((row): [DomainName, Restraint] => {
      const part = excess > 0 ? excessOf(row.view) / excess : 1 / held.length
      const own = allocation[row.index] ?? 0
      const { before } = row
      // What others use goes up and down, so what was left stays while they lack nothing, and so does a quota that is near.
      const stays = before !== null && shortOnes.length === 0 ? before - (row.view.inForce[CPU] ?? before) : 0
      const quota = own + Math.max(spare * part, stays)
      const stands = before !== null && before >= own && Math.abs(quota - before) < NEAR * before
      const isLess = shortOnes.length > 0 && quota < (before ?? Number.POSITIVE_INFINITY)
      return [row.name, { quota: stands && !isLess ? before : quota, short: shortOnes[0] ?? null }]
    }),
  )
  return { held: quotas, short }
}

type Row = FrameRow & { readonly view: DomainView }

function isManaged(row: FrameRow): row is Row {
  return row.view !== null && row.standing === 'managed'
}

/**
 * Who now gets much less than is owed to him, and misses a goal for it as far as that is measured, and by how many
 * millicores. Whoever begins to want more in the middle of a turn looks so for that turn.
 */
function shortOf(
  { seen }: View,
  rows: readonly Row[],
  stakes: ReadonlyMap<DomainName, Stake>,
): ReadonlyMap<DomainName, Denial> {
  const found = new Map<DomainName, Denial>()
  for (const row of rows) {
    const stake = stakes.get(row.name)
    const misses = stake !== undefined && stake.missed !== null
    // What its goals are about was measured, and none of them is missed: then it lacks nothing that it waits for.
    if (stake?.isMeasured === true && !misses) continue
    const [claim, owed] = [claimBy(row), owedTo(row)]
    if (isThrottled(row, claim)) continue
    const [denied, isPlain] = [deniedOf(claim, owed), isPlainlyDenied(claim, owed)]
    // Who waits for a CPU now and then has done all of its work after all, unless a goal tells otherwise.
    const isShort = misses ? denied > SHORT_AND_MISSED * owed : isPlain && claim.wanted > ALL_THE_TIME * ONE_CPU
    if (!isShort) continue
    const { known } = row.view
    const lastsMs = row.view.seen.takenAtMs - (known?.seenAtMs ?? row.view.seen.takenAtMs)
    found.set(row.name, {
      sinceMs: known?.resources[CPU]?.shortSinceMs ?? seen.at.monotonicMs,
      denied,
      isPlain: isPlain && stake?.isToldMissed === true && lastsMs >= ENOUGH_MS,
    })
  }
  return found
}

/** What is at stake for a domain: the most important of its goals, and of those that it misses. */
interface Stake {
  priority: number
  missed: number | null
  /** Whether a metric tells how a goal stands. */
  isMeasured: boolean
  /** Whether one has told in this turn that it misses one. */
  isToldMissed: boolean
}

function stakesOf(needs: readonly Need[]): ReadonlyMap<DomainName, Stake> {
  const stakes = new Map<DomainName, Stake>()
  for (const { domain, goal, status, measuredAtMs } of needs) {
    const { priority } = goal
    const stake = stakes.get(domain) ?? { priority, missed: null, isMeasured: false, isToldMissed: false }
    const [isByMetric, isMissed] = ['metric' in goal.aim, status.kind === 'missed']
    stake.priority = Math.min(stake.priority, priority)
    if (isMissed) stake.missed = Math.min(stake.missed ?? priority, priority)
    stake.isMeasured ||= isByMetric && (isMissed || status.kind === 'met')
    stake.isToldMissed ||= isByMetric && isMissed && measuredAtMs !== null
    stakes.set(domain, stake)
  }
  return stakes
}

const usedBy = ({ view: { use } }: Row): number => use[CPU] ?? 0

/** What of its entitlement goals or its reservation ask for. */
function owedTo({ view: { inForce }, requests, policy }: Row): number {
  return Math.min(Math.max(0, ...requests, policy.shares[CPU]?.reservation ?? 0), inForce[CPU] ?? 0)
}

/** Whether it waits for its own quota, and not for what others took. A millicore is a millisecond in a second. */
function isThrottled({ view }: Row, { used, wanted }: Claim): boolean {
  const throttledMs = rateOf(view, 'cpu.throttledMs') ?? 0
  return throttledMs > THROTTLED * (wanted - used)
}

const claimBy = ({ view }: Row): Claim => countedClaim(view)

/** What is to be left to it: what it uses, and what is owed to it where it waits for that. */
function leftTo(row: Row): number {
  return usedBy(row) + deniedOf(claimBy(row), owedTo(row))
}

/** Millicores that it uses beyond what it is entitled to, where they are worth speaking of. */
function excessOf({ use, inForce }: DomainView): number {
  const [used, entitled] = [use[CPU] ?? 0, inForce[CPU] ?? Number.POSITIVE_INFINITY]
  return used > TAKES * entitled ? used - entitled : 0
}

interface Held {
  readonly quota: number
  readonly atMs: number
}

/** The quota by which it is restrained now; null where it is not. */
function quotaByReeve({ known }: View, { view: { seen, known: its } }: Row): Held | null {
  const set = known.set[seen.node]?.['cpu.quota']
  if (typeof set?.value !== 'number' || its?.resources[CPU]?.isRestrained !== true) return null
  return { quota: set.value, atMs: set.atMs }
}

function isHeld({ seen, policy }: View, { view: { use } }: Row, { quota, atMs }: Held, isBusy: boolean): boolean {
  if (seen.at.monotonicMs - atMs < policy.host.cooldownMs) return true
  return isBusy && (use[CPU] ?? 0) >= BUSY * quota
}
