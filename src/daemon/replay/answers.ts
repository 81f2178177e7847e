import { capacityFound, SATURATED } from '#core/estimate/performance.ts'
import { predictedTime } from '#core/estimate/queue.ts'
import type { DomainView, View } from '#core/look.ts'
import type { DomainName } from '#core/model/ids.ts'
import type { Observation } from '#core/model/observation.ts'
import { CPU } from '#core/model/resource.ts'
import { mostOf, type Place, placesOf, sharedOut } from './division.ts'
import type { Model } from './learned.ts'
import type { WasAndNow } from './report.ts'

/** What a domain would have done in a turn under other settings than it had; amounts of CPU in millicores. */
export interface Answer {
  readonly use: WasAndNow<number>
  /** Milliseconds a second that its threads were ready and did not run, summed over them. */
  readonly waited: WasAndNow<number>
  /** What it could have used more. */
  readonly slack: WasAndNow<number>
  /** Whether it used up all that it found, on record: then a time tells how long that has lasted, and no more. */
  readonly wasSaturated: boolean
  /** False where all is as recorded. */
  readonly isOther: boolean
  /** Work of a service that was done on record and not yet here, in millicore-seconds. */
  readonly owed: number
}

/** A service that used up all that it found is taken to want so much more, as a utilization goal takes it. */
const GROWTH = 1.25
/** At least this part of what a domain finds counts as unused, or a time would be without bound. */
const SLACK_LEAST = 1 - SATURATED
/** Nobody waits for an answer for longer: what is owed is never more than this many seconds of the service's use. */
const OWED_SECONDS_MOST = 60

/**
 * What the domains of a recorded turn (`view`) would have used, and waited for, under the settings of `shown`. `owed` has
 * the services among them, with the work that they have yet to do.
 *
 * What a domain wanted is what it used, and more where it used up all that it found: what its threads waited for, but
 * no more than a quarter for a service, whose threads say nothing of how much is coming. By what was wanted the host's
 * CPU is divided twice, under the settings of then and of now; what was used changes as that does. Nobody uses more
 * than he wants, and what one gains was idle or is lost by others. What a service does not get done is owed: its
 * requests come whatever happens.
 *
 * Worked: of 2000 a service uses 750 and a batch job, which wants all, 1250. Held to 400 the service uses 400, owes 350
 * after a second, and the batch job uses 1600. Under the settings of then all is as on record, bit for bit.
 */
export function answersTo(
  view: View,
  shown: Observation,
  owed: ReadonlyMap<DomainName, number>,
): Map<DomainName, Answer> {
  const around = new Set(view.seen.nodes.map(({ parent }) => parent))
  // What a domain uses that others lie in is theirs as well.
  const domains = view.domains.filter(({ use, seen }) => use[CPU] !== undefined && !around.has(seen.node))
  const used = Float64Array.from(domains, ({ use }) => use[CPU] as number)
  const total = view.seen.capacity[CPU]?.total ?? 0
  const were = domains.map((domain, i) => wasOf(domain, used[i] as number, total, owed.get(domain.name)))
  const wants = were.map(({ wanted, owes, seconds }) => wanted + (seconds > 0 ? owes / seconds : 0))
  const room = roomFor(view, used)
  const was = sideOf(
    view.seen,
    domains,
    were.map(({ wanted }) => wanted),
    room,
  )
  const now = sideOf(shown, domains, wants, room)
  const uses = usesOf(used, wants, was.got, now.got, room)
  return new Map(
    domains.map((domain, i) => {
      const { waited, isSaturated, isService, owes, seconds } = were[i] as Was
      const use = { was: used[i] as number, now: uses[i] as number }
      const found = { was: foundBy(was, i, room), now: foundBy(now, i, room) }
      // It used more than by its weight it should have found: then it finds more now, too.
      const more = found.was > 0 ? Math.max(1, use.was / found.was) : 1
      const slack = {
        was: slackIn(was, i, Math.min(found.was * more, room), use.was),
        now: slackIn(now, i, Math.min(found.now * more, room), use.now),
      }
      const isOther = use.now !== use.was || found.now !== found.was
      const waits = { was: waited, now: isOther ? waitedNow(domain, use, waited, slack, isSaturated) : waited }
      const left = Math.min(owes + (use.was - use.now) * seconds, use.was * OWED_SECONDS_MOST)
      const answer = { use, waited: waits, slack, wasSaturated: isSaturated, isOther }
      return [domain.name, { ...answer, owed: isService ? Math.max(0, left) : 0 }]
    }),
  )
}

/**
 * A reading as it would have been; null where nothing is known to tell it by. Other work than was done was done at the
 * same cost; a time follows the slack, and where there was none on record what the model has learned of the service.
 *
 * Worked: 100 ms with 250 millicores unused become 200 ms with 125.
 */
export function answeredReading(value: number, { use, slack, wasSaturated, isOther }: Answer, model: Model | null) {
  if (!isOther) return value
  if (model === null) return null
  if (model.kind === 'rate') return use.was > 0 ? value * (use.now / use.was) : null
  return wasSaturated ? predictedTime(model.queue, slack.now) : value * (slack.was / slack.now)
}

/** What a model would have said beforehand of a reading, from the turn's own use; null where it says nothing. */
export function foretold(model: Model, domain: DomainView, total: number): number | null {
  const use = domain.use[CPU]
  if (use === undefined) return null
  if (model.kind === 'rate') return use / model.perUnit
  const sight = { ...domain, capacity: { [CPU]: total } }
  return predictedTime(model.queue, slackOf(capacityFound(sight, use, model.queue.most), use))
}

/** What is to be known of a domain as it was. */
interface Was {
  readonly waited: number
  readonly wanted: number
  readonly isSaturated: boolean
  readonly isService: boolean
  readonly owes: number
  /** Since it was last seen. */
  readonly seconds: number
}

function wasOf(domain: DomainView, use: number, total: number, owed: number | undefined): Was {
  const isSaturated = use > 0 && use >= SATURATED * capacityFound({ ...domain, capacity: { [CPU]: total } }, use)
  const isService = owed !== undefined
  const waited = waitedOf(domain)
  const wanted = isSaturated ? Math.min(use + waited, isService ? use * GROWTH : total) : use
  const seconds = domain.known === null ? 0 : (domain.seen.takenAtMs - domain.known.seenAtMs) / 1000
  return { waited, wanted, isSaturated, isService, owes: owed ?? 0, seconds }
}

/** From the part of its time that it was held back for: 600 used and held back for 0.25 are 200 waited. */
function waitedOf({ use, heldBack }: DomainView): number {
  const part = heldBack[CPU] ?? 0
  return part < 1 ? ((use[CPU] ?? 0) * part) / (1 - part) : 0
}

/** What these domains divide among them: all but what everybody else used. */
function roomFor({ seen, known }: View, used: Float64Array): number {
  const { total = 0, used: all = null } = seen.capacity[CPU] ?? {}
  const before = known.host[CPU]?.used ?? null
  const theirs = used.reduce((sum, use) => sum + use, 0)
  const elapsedMs = seen.at.monotonicMs - known.lastAtMs
  const isTold = all !== null && before !== null && all >= before && elapsedMs > 0
  const others = isTold ? Math.max(0, ((all - before) * 1000) / elapsedMs - theirs) : 0
  return Math.max(total - others, theirs)
}

/** How the host divides what is wanted under one set of settings. */
interface Side {
  readonly places: Place
  readonly most: readonly number[]
  readonly wants: readonly number[]
  /** As far as its settings let it. */
  readonly wanted: Float64Array
  readonly got: Float64Array
}

function sideOf(seen: Observation, domains: readonly DomainView[], wants: readonly number[], room: number): Side {
  const byName = new Map(seen.domains.map((domain) => [domain.name, domain]))
  const places = placesOf(seen.nodes, new Map(domains.map((domain, i) => [domain.seen.node, i])))
  const most = domains.map(({ name, seen: recorded }) => mostOf(byName.get(name) ?? recorded))
  const wanted = Float64Array.from(wants, (want, i) => Math.min(want, most[i] as number))
  return { places, most, wants, wanted, got: sharedOut(places, room, wanted) }
}

/** What a domain would get if it wanted all. */
function foundBy({ places, most, wanted }: Side, index: number, room: number): number {
  const all = Float64Array.from(wanted)
  all[index] = Math.min(room, most[index] as number)
  return sharedOut(places, room, all)[index] as number
}

/** Nothing to speak of where it gets less than it wants. */
function slackIn({ wants, got }: Side, index: number, found: number, use: number): number {
  return slackOf((got[index] as number) < (wants[index] as number) ? use : found, use)
}

function slackOf(found: number, use: number): number {
  return Math.max(found - use, found * SLACK_LEAST, 1)
}

/** What each uses now: nobody more than he wanted, and all together no more than there is. */
function usesOf(
  used: Float64Array,
  wanted: readonly number[],
  was: Float64Array,
  now: Float64Array,
  room: number,
): readonly number[] {
  const uses = [...used].map((use, i) => {
    const got = was[i] as number
    return got > 0 ? Math.min(use * ((now[i] as number) / got), Math.max(wanted[i] as number, use)) : use
  })
  const gained = uses.reduce((sum, use, i) => sum + Math.max(0, use - (used[i] as number)), 0)
  const kept = uses.reduce((sum, use, i) => sum + Math.min(use, used[i] as number), 0)
  if (kept + gained <= room) return uses
  const part = Math.max(0, room - kept) / gained
  return uses.map((use, i) =>
    use > (used[i] as number) ? (used[i] as number) + part * (use - (used[i] as number)) : use,
  )
}

/**
 * By Little's law as many threads are ready or run as an answer takes long, where as much is answered. A domain that
 * used up all that it found has as many as before, or those of a queue with processor sharing where it has more now than
 * it wants. Never more than it has threads.
 *
 * Worked: 600 used and 200 waited are 0.8 threads; with half the slack they are 1.6, of which 600 run and 1000 wait.
 */
function waitedNow(
  { seen, known }: DomainView,
  use: WasAndNow<number>,
  waited: number,
  slack: WasAndNow<number>,
  wasSaturated: boolean,
): number {
  const ready = use.was + waited
  const threads = seen.levels['threads'] ?? known?.levels['threads'] ?? Number.POSITIVE_INFINITY
  const readyNow = wasSaturated
    ? Math.min(ready, (1000 * use.now) / slack.now)
    : Math.min(ready * (slack.was / slack.now), Math.max(ready, threads * 1000))
  return Math.max(0, readyNow - use.now)
}
