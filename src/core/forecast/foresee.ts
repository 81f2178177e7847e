import type { Need } from '#core/estimate/estimate.ts'
import type { View } from '#core/look.ts'
import type { ForecastDecision, ForecastKind } from '#core/model/decision.ts'
import type { DomainName, ResourceKey } from '#core/model/ids.ts'
import type { ForecastKnowledge, ForecastProfile, ForecastStart, ForecastTrust } from '#core/model/knowledge.ts'
import type { Instant } from '#core/model/observation.ts'
import type { Resource } from '#core/model/resource.ts'
import { afterStarts, FOLLOWED_MINUTES, followingKey, riseAfter } from './following.ts'
import { amountOf, type Level, levelOf, written } from './levels.ts'
import { afterMinute, riseNow } from './season.ts'
import { silenceOf, UNTRIED } from './trust.ts'

const MINUTE_MS = 60_000
/** Needs are noted at most so often: what they were in a minute does not take more, and each noting costs. */
const NOTED_MS = 10_000
/** Minutes without a need of which the last one is taken to have stood. After more of them the past is not known. */
const GAP_MOST = 5
/** As many as are ever looked back: what follows a start, the minute before it, and one under way. */
const PAST_MINUTES = FOLLOWED_MINUTES + 2
/** Where more begins at once, a host has started or a policy was loaded, and nothing follows any one of them. */
const STARTS_AT_ONCE = 8
const STARTS_MOST = 16
/** What is known of a need that nobody states any more is kept for so many times as long as it was stated, at most. */
const KEPT_TIMES = 24
const KEPT_MINUTES_MOST = 14 * 1440

/**
 * Forecasts what each goal will need in the coming minute, and raises the need where a forecast expects more and has
 * earned its say. It learns from what the estimators say is needed, not from what was granted, so a goal that is served
 * badly is forecast as well as any. It only ever raises what an estimator asks for: a goal that is closed, or whose metric
 * is lost, asks for nothing by a forecast either, and what is raised is arbitrated in the goal's own class like any need.
 *
 * Every forecast is compared with what came, also of one that has no say.
 */
export function foresee(
  view: View,
  said: readonly Need[],
): { readonly needs: readonly Need[]; readonly forecast: ForecastKnowledge } {
  const now = nowOf(view)
  const isSilenced = view.policy.host.without.includes('forecast')
  const { forecast } = view.known
  const isNoted = now.slot !== forecast.slot
  const profiles = isNoted ? keptProfiles(inTime(forecast.profiles, now.leap), now.minute) : forecast.profiles
  const resources = new Map(view.policy.resources.map((resource) => [resource.key, resource]))
  const needs = said.map((its) => {
    // What the policy states needs no forecast.
    if (its.goal.aim.kind === 'fixed' || its.status.kind === 'closed') return its
    let { need } = its
    const forecasts: ForecastDecision[] = []
    for (const key in its.need) {
      const resource = resources.get(key as ResourceKey)
      if (resource === undefined) continue
      const id = `${its.goal.id} ${key}`
      const amount = its.need[resource.key] ?? 0
      if (isNoted) note(profiles, its.domain, id, amount, resource.grain, now)
      const profile = profiles[its.domain]?.[id]
      const said = profile === undefined ? NOTHING : forecastsOf(profile, now, amount, resource, isSilenced)
      if (said.length === 0) continue
      const bound = Math.min(capacityOf(view, resource), its.goal.upTo[resource.key] ?? Number.POSITIVE_INFINITY)
      const most = highest(said, bound)
      if (most > amount) need = { ...need, [key]: most }
      for (const one of said) forecasts.push({ ...one, raisedFrom: raisedFrom(one, most, amount) })
    }
    return forecasts.length === 0 ? its : { ...its, need, forecasts }
  })
  return { needs, forecast: { slot: now.slot, events: view.seen.events, starts: now.starts, profiles } }
}

type Profiles = Record<DomainName, Record<string, ForecastProfile>>

function note(profiles: Profiles, domain: DomainName, id: string, amount: number, grain: number, now: Now): void {
  const ofDomain = profiles[domain]
  profiles[domain] = { ...ofDomain, [id]: noted(ofDomain?.[id] ?? newProfile(now.minute), amount, grain, now) }
}

/** The time, and what has begun lately. */
interface Now {
  readonly slot: number
  /** Since 1970 in UTC, and the same by the clock on the wall. */
  readonly minute: number
  readonly localMinute: number
  /** By so many minutes the clock was set since the last turn. */
  readonly leap: number
  readonly starts: readonly ForecastStart[]
}

function nowOf(view: View): Now {
  const { at, events } = view.seen
  const { forecast, bootId, turn } = view.known
  const slot = Math.floor(at.utcMs / NOTED_MS)
  const minute = Math.floor(at.utcMs / MINUTE_MS)
  const begun: ForecastStart[] = []
  // Whoever knows nothing yet cannot tell what has just begun.
  if (turn > 0 && bootId === at.bootId) {
    for (const name of events) if (!forecast.events.includes(name)) begun.push({ what: 'event', name, minute })
    for (const { name, known } of view.domains) if (known === null) begun.push({ what: 'start', name, minute })
  }
  const lately = forecast.starts.filter((start) => {
    const since = minute - start.minute
    return since >= 0 && since <= FOLLOWED_MINUTES + GAP_MOST
  })
  const starts = begun.length > STARTS_AT_ONCE ? lately : [...lately, ...begun].slice(-STARTS_MOST)
  return { slot, minute, localMinute: localMinuteOf(view, at, minute), leap: leapOf(view, slot), starts }
}

/**
 * Minutes by which the clock went on more than the time that passed, negative where it was set back. How long a host was
 * down nobody knows: then the clock is believed, unless it went back. Of a few minutes nothing is made.
 *
 * Worked: a second after 12:00 it is 1:00 of that day, which is a leap of -660.
 */
function leapOf({ seen: { at }, known }: View, slot: number): number {
  const wentMs = (slot - known.forecast.slot) * NOTED_MS
  const passedMs = known.bootId === at.bootId ? at.monotonicMs - known.lastAtMs : Math.max(0, wentMs)
  const leap = Math.round((wentMs - passedMs) / MINUTE_MS)
  return Math.abs(leap) > GAP_MOST ? leap : 0
}

/** Profiles age by the time that passes: where the clock was set they go with it, or one wrong minute would end them all. */
function inTime(profiles: ForecastKnowledge['profiles'], leap: number): ForecastKnowledge['profiles'] {
  if (leap === 0) return profiles
  const moved = (its: ForecastProfile) => ({ ...its, since: its.since + leap, minute: its.minute + leap, past: '' })
  return Object.fromEntries(
    Object.entries(profiles).map(([name, its]) => [
      name,
      Object.fromEntries(Object.entries(its).map(([id, profile]) => [id, moved(profile)])),
    ]),
  )
}

/** By the zone that the policy names first, which is the one its users live by; else UTC. */
function localMinuteOf({ policy }: View, { zones }: Instant, minute: number): number {
  const local = zones[policy.windows[0]?.zone ?? '']
  if (local === undefined) return minute
  return Math.floor(Date.parse(`${local}Z`) / MINUTE_MS)
}

function newProfile(minute: number): ForecastProfile {
  return {
    since: minute,
    minute,
    sum: 0,
    count: 0,
    past: '',
    days: '',
    week: {},
    weekly: 0,
    season: UNTRIED,
    after: {},
  }
}

function keptProfiles(profiles: ForecastKnowledge['profiles'], minute: number): Profiles {
  const kept: Profiles = {}
  for (const name in profiles) {
    const its = profiles[name as DomainName] as Record<string, ForecastProfile>
    const ids = Object.keys(its)
    const left = ids.filter((id) => isKept(its[id] as ForecastProfile, minute))
    if (left.length === ids.length) kept[name as DomainName] = its
    else if (left.length > 0)
      kept[name as DomainName] = Object.fromEntries(left.map((id) => [id, its[id] as ForecastProfile]))
  }
  return kept
}

function isKept({ since, minute: last }: ForecastProfile, minute: number): boolean {
  return minute - last <= Math.max(GAP_MOST, Math.min(KEPT_TIMES * (last - since), KEPT_MINUTES_MOST))
}

/** One more need of the minute under way; what a minute needed is the mean of it. Minutes that are over are learned from. */
function noted(profile: ForecastProfile, amount: number, grain: number, now: Now): ForecastProfile {
  const { minute, sum, count } = profile
  if (minute === now.minute) return { ...profile, sum: sum + amount, count: count + 1 }
  const next = { minute: now.minute, sum: amount, count: 1 }
  const missing = now.minute - minute - 1
  if (missing < 0 || missing > GAP_MOST || count === 0) return { ...profile, ...next, past: '' }
  const level = written(levelOf(sum / count, grain))
  let over = profile
  for (let ended = minute; ended < now.minute; ended++) {
    over = { ...over, past: (over.past + level).slice(-PAST_MINUTES) }
    over = afterStarts(afterMinute(over, ended + now.localMinute - now.minute), now.starts, ended)
  }
  return { ...over, ...next }
}

type Said = Omit<ForecastDecision, 'raisedFrom'>
const NOTHING: readonly Said[] = []

function forecastsOf(
  profile: ForecastProfile,
  now: Now,
  amount: number,
  { key, grain }: Resource,
  isSilenced: boolean,
): readonly Said[] {
  // Of a goal that has just been opened nothing was noted yet, and its past ends with its last opening.
  const its = profile.minute === now.minute ? profile : { ...profile, past: '' }
  const season = riseNow(its, now.localMinute, levelOf(amount, grain))
  if (season === null && profile.season.scored === 0 && Object.keys(profile.after).length === 0) return NOTHING
  const said = (by: ForecastKind, level: Level | null, { skill, scored, right }: ForecastTrust): Said => ({
    resource: key,
    by,
    predicted: level === null ? null : amountOf(level, grain),
    silent: silenceOf({ skill, scored, right }, isSilenced),
    skill,
    scored,
    right,
  })
  const all = [said({ kind: 'season', of: season?.of ?? 'days' }, season?.level ?? null, profile.season)]
  for (const following in profile.after) {
    const start = now.starts.findLast((its) => followingKey(its) === following)
    const [what, ...name] = following.split(' ')
    const by = { kind: 'after', what: what as ForecastStart['what'], name: name.join(' ') } as const
    const rise = start === undefined ? null : riseAfter(its, start, now.minute)
    all.push(said(by, rise, profile.after[following] as ForecastTrust))
  }
  return all.filter(({ predicted, scored }) => predicted !== null || scored > 0)
}

/** The highest of what counts, at most what may be asked for; 0 where nothing counts. */
function highest(said: readonly Said[], bound: number): number {
  let most = 0
  for (const { silent, predicted } of said) if (silent === null) most = Math.max(most, predicted ?? 0)
  return Math.min(most, bound)
}

/** The need before, for whoever said what it was raised to. */
function raisedFrom({ silent, predicted }: Said, most: number, before: number): number | null {
  return most > before && silent === null && (predicted ?? 0) >= most ? before : null
}

function capacityOf({ seen }: View, { key, capacity }: Resource): number {
  return capacity === 'observed' ? (seen.capacity[key]?.total ?? 0) : capacity
}
