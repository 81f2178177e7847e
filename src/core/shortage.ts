import type { ResourceKey } from './model/ids.ts'
import type { ResourceKnowledge } from './model/knowledge.ts'
import { family } from './model/resource.ts'

/**
 * What a domain lacks of a resource other than CPU, and what it must have held to lack none of it. Sources: pressure
 * stall information (Weiner et al., "TMO", ASPLOS 2022); the raise after a kill is that of the Kubernetes vertical pod
 * autoscaler, a factor of 1.2.
 */

/** Refaults and kills show what a stock is short of: the most that was not enough, and when that was seen last. */
export type Shortage = NonNullable<ResourceKnowledge['shortAt']>

/** A domain that stalls for more than this part of its time is short of the resource that it stalls for. */
export const STALLED = 0.05
/** A domain that leaves more than this part of what it has untouched does not stall for want of more of it. */
const TAKEN = 0.9
/** What was not enough is taken to be enough times this. */
const RAISE = 1.2
/** A shortage counts for so long: less is then tried again. */
const SHORT_MS = 3_600_000
/** What it takes to read a page again, where nothing better than their number is told: a read of a flash disk. */
const REFAULT_MS = 0.1
/** Bytes of a page, where they are not told: the least that a kernel has. */
const PAGE = 4096

/**
 * Part (0..1) of the time in which some of a domain's threads stood still for want of a resource; undefined where no new
 * reading tells. `rate` is the growth per second of one of its `counters`. The kernel counts as memory pressure only the
 * reading of pages that were used often when they were taken away, so what is read again at all counts as well: as much
 * of the time that is waited for disks as it is of what they read.
 *
 * Worked: 120 ms of memory pressure in a second are 0.12, and so are 400 ms for disks where 1000 pages of 4 KiB out of
 * 13.3 MB are read again; without any pressure to read, 1200 refaults in a second are the same.
 */
export function stalledPart(
  key: ResourceKey,
  counters: readonly string[],
  rate: (counter: string) => number | undefined,
): number | undefined {
  const [of] = family(key).split('.')
  if (of !== 'memory' && of !== 'io') return undefined
  const pressureMs = rate(`${of}.pressureMs`)
  const refaults = of === 'memory' ? rate('memory.refaults') : undefined
  const againMs = refaults === undefined ? undefined : waitedForMs(refaults * PAGE, counters, rate)
  const stalledMs = pressureMs ?? againMs ?? (refaults === undefined ? undefined : refaults * REFAULT_MS)
  return stalledMs === undefined ? undefined : Math.min(Math.max(stalledMs, againMs ?? 0) / 1000, 1)
}

/** Milliseconds in a second in which it waited for so many bytes of what disks read for it; undefined where none did. */
function waitedForMs(
  bytes: number,
  counters: readonly string[],
  rate: (counter: string) => number | undefined,
): number | undefined {
  const read = counters.filter((counter) => family(counter as ResourceKey) === 'io.read')
  const bytesRead = read.reduce((sum, counter) => sum + (rate(counter) ?? 0), 0)
  const waitedMs = rate('io.pressureMs')
  return waitedMs === undefined || bytesRead === 0 ? undefined : waitedMs * Math.min(bytes / bytesRead, 1)
}

/** What one reading says of a stock. Amounts are in its unit. */
export interface StockReading {
  readonly inForce: number
  /** All that it holds, also what it could do without, such as cache. */
  readonly total: number
  /** Part of the time in which it stood still for want of more. */
  readonly stalled: number
  /** Kills for want of memory since the reading before. */
  readonly kills: number
  readonly atMs: number
}

/**
 * A domain was killed for want of a stock, or stands still while it holds all that it was given: then that was not
 * enough. It is remembered, because a domain that has been killed, or whose cache was taken away, uses little just
 * then.
 */
export function shortageAfter(before: Shortage | null, now: StockReading): Shortage | null {
  const { inForce, total, stalled, kills, atMs } = now
  const standing = before !== null && atMs - before.atMs < SHORT_MS ? before : null
  if (kills === 0 && (stalled < STALLED || total < TAKEN * inForce)) return standing
  const killed = kills > 0 || standing?.killed === true
  return { amount: Math.max(inForce, standing?.amount ?? 0), atMs, ...(killed && { killed: true as const }) }
}

/**
 * What a domain must hold: what it uses, and more than it was ever short at.
 *
 * Worked: 40 MiB used of a stock of which 100 MiB were not enough make 120 MiB.
 */
export function workingSetOf(use: number, shortage: Shortage | null): number {
  return Math.max(use, (shortage?.amount ?? 0) * RAISE)
}
