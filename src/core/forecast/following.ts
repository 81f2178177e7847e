import type { ForecastFollowing, ForecastProfile, ForecastStart } from '#core/model/knowledge.ts'
import { blend, isRise, type Level, levelAt, written } from './levels.ts'
import { scored, scoreOf, silenceOf, UNTRIED } from './trust.ts'

/** Need in the minutes that follow when an event begins or a domain starts. */

/** So many minutes from the one of the start on are looked at. */
export const FOLLOWED_MINUTES = 30
/** Of one need so many starts are remembered. */
const FOLLOWINGS_MOST = 4

export const followingKey = ({ what, name }: ForecastStart): string => `${what} ${name}`

/**
 * The rise that is expected in this minute or the next of what follows a start, above what was needed before it; null
 * where none is. `past` ends with the minute before this one.
 */
export function riseAfter({ past, after }: ForecastProfile, start: ForecastStart, minute: number): Level | null {
  const since = minute - start.minute
  const levels = after[followingKey(start)]?.levels
  const before = levelAt(past, past.length - since - 1)
  if (levels === undefined || before === null) return null
  const expected = Math.max(levelAt(levels, since) ?? 0, levelAt(levels, since + 1) ?? 0)
  return isRise(before, expected) ? expected : null
}

/** Scores what was expected after the starts whose minutes are over, and learns from it; `minute` has just ended. */
export function afterStarts(
  profile: ForecastProfile,
  starts: readonly ForecastStart[],
  minute: number,
): ForecastProfile {
  let { after } = profile
  for (const start of starts) {
    if (start.minute + FOLLOWED_MINUTES - 1 !== minute || profile.past.length <= FOLLOWED_MINUTES) continue
    after = learned(after, followingKey(start), profile.past.slice(-FOLLOWED_MINUTES - 1))
  }
  return after === profile.after ? profile : { ...profile, after }
}

type Followings = ForecastProfile['after']

/** `past` begins with the minute before the start. */
function learned(after: Followings, key: string, past: string): Followings {
  const now = levelAt(past, 0) as Level
  const came = [...past.slice(1)].map((_, index) => levelAt(past, index + 1) as Level)
  const known = after[key]
  if (known === undefined) {
    // What does not follow is not worth remembering.
    return came.some((level) => isRise(now, level))
      ? admitted(after, key, { levels: past.slice(1), ...UNTRIED })
      : after
  }
  const scores = came.flatMap((level, index) => {
    const expected = levelAt(known.levels, index)
    return expected !== null && isRise(now, expected) ? [scoreOf(now, expected, level)] : []
  })
  const levels = came.map((level, index) => written(blend(levelAt(known.levels, index), level))).join('')
  if (scores.length === 0) return { ...after, [key]: { ...known, levels } }
  const score = scores.reduce((sum, one) => sum + one, 0) / scores.length
  return { ...after, [key]: { ...scored(known, score), levels } }
}

/** Room is made by the one with the least skill; of equals, by the one that was known first. Who has a say stays. */
function admitted(after: Followings, key: string, following: ForecastFollowing): Followings {
  const known = Object.entries(after)
  if (known.length < FOLLOWINGS_MOST) return { ...after, [key]: following }
  const [least, its] = known.reduce((one, other) => (other[1].skill < one[1].skill ? other : one))
  if (silenceOf(its, false) === null) return after
  return Object.fromEntries([...known.filter(([other]) => other !== least), [key, following]])
}
