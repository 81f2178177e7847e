import type { ForecastDecision } from '#core/model/decision.ts'
import type { ForecastProfile } from '#core/model/knowledge.ts'
import { blend, isRise, type Level, levelAt, withLevel } from './levels.ts'
import { scored, scoreOf } from './trust.ts'

/** Need by the time of the day, in bins of five minutes: of all days alike, and of weekdays that differ from that. */

const BIN_MINUTES = 5
const DAY_MINUTES = 1440
const BINS = DAY_MINUTES / BIN_MINUTES
/** A forecast speaks from the minute before its bin on: time for a change to be made and to have its effect. */
const LEAD_MINUTES = 1
/** By so many levels (twice as much, or half) a weekday must differ from all days to be remembered by itself. */
const OTHERWISE = 4
/** The weekday speaks once it has been nearer than all days in half of the last bins in which the two differed. */
const WEEKLY = 0.5
const WEEKLY_NEWEST = 0.3

/** What a stretch of minutes needed: the most of them. One minute's need is no match for a bin's, which is the most of five. */
function mostOf(past: string, end: number): Level | null {
  if (end < BIN_MINUTES) return null
  let most = 0
  for (let index = end - BIN_MINUTES; index < end; index++) most = Math.max(most, levelAt(past, index) ?? 0)
  return most
}

/** What a bin is expected to need, and from which days that is known. */
interface Expected {
  readonly of: Extract<ForecastDecision['by'], { readonly kind: 'season' }>['of']
  readonly level: Level
}

const binOf = (localMinute: number): number => Math.floor(modulo(localMinute, DAY_MINUTES) / BIN_MINUTES)
/** 0 is Sunday; the first of January 1970 was a Thursday. */
const weekdayOf = (localMinute: number): number => modulo(Math.floor(localMinute / DAY_MINUTES) + 4, 7)
const modulo = (value: number, by: number): number => ((value % by) + by) % by

/** What is expected of the bin of a local minute; null where nothing is known of it. */
function expectedIn(profile: ForecastProfile, localMinute: number): Expected | null {
  const bin = binOf(localMinute)
  const weekday = levelAt(profile.week[weekdayOf(localMinute)], bin)
  if (weekday !== null && profile.weekly >= WEEKLY) return { of: 'weekday', level: weekday }
  const days = levelAt(profile.days, bin)
  return days === null ? null : { of: 'days', level: days }
}

/**
 * The highest rise that is expected in the bin under way, or in the next where that is near: above what was needed in
 * the five minutes before it could be spoken of, or where these are not known, above what is needed now. null where none
 * is. `past` ends with the minute before this one.
 */
export function riseNow(profile: ForecastProfile, localMinute: number, needed: Level): Expected | null {
  const { past } = profile
  const rise = (minute: number): Expected | null => {
    const expected = expectedIn(profile, minute)
    const since = modulo(minute, BIN_MINUTES) + LEAD_MINUTES - (minute - localMinute)
    const now = mostOf(past, past.length - since) ?? needed
    return expected === null || !isRise(now, expected.level) ? null : expected
  }
  const here = rise(localMinute)
  if (binOf(localMinute + LEAD_MINUTES) === binOf(localMinute)) return here
  const next = rise(localMinute + LEAD_MINUTES)
  return here === null || (next !== null && next.level > here.level) ? next : here
}

/** Scores what was expected of a bin, and learns from it; `localMinute` is the one that has just ended. */
export function afterMinute(profile: ForecastProfile, localMinute: number): ForecastProfile {
  const { past } = profile
  const came = mostOf(past, past.length)
  if (came === null || modulo(localMinute + 1, BIN_MINUTES) !== 0) return profile
  const expected = expectedIn(profile, localMinute)
  const now = mostOf(past, past.length - BIN_MINUTES - LEAD_MINUTES)
  const isClaim = expected !== null && now !== null && isRise(now, expected.level)
  return {
    ...learned(profile, localMinute, came),
    season: isClaim ? scored(profile.season, scoreOf(now, expected.level, came)) : profile.season,
  }
}

function learned(profile: ForecastProfile, localMinute: number, came: Level): ForecastProfile {
  const bin = binOf(localMinute)
  const day = weekdayOf(localMinute)
  const days = levelAt(profile.days, bin)
  const weekday = levelAt(profile.week[day], bin)
  const isOtherwise = days !== null && Math.abs(days - came) >= OTHERWISE
  const next = { ...profile, days: withLevel(profile.days, bin, blend(days, came), BINS) }
  if (weekday === null && !isOtherwise) return next
  const week = { ...profile.week, [day]: withLevel(profile.week[day] ?? '', bin, blend(weekday, came), BINS) }
  return { ...next, week, weekly: weeklyNext(profile.weekly, days, weekday, came) }
}

function weeklyNext(before: number, days: Level | null, weekday: Level | null, came: Level): number {
  if (days === null || weekday === null || days === weekday) return before
  const nearer = Math.abs(weekday - came) < Math.abs(days - came) ? 1 : 0
  return Math.round((before + WEEKLY_NEWEST * (nearer - before)) * 1000) / 1000
}
