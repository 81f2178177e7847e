import type { ForecastDecision } from '#core/model/decision.ts'
import type { ForecastTrust } from '#core/model/knowledge.ts'
import type { Level } from './levels.ts'

/** A forecast with less skill has no say: one good forecast earns it, two bad ones in a row lose it. As much is a good one. */
const SAY = 0.4
const NEWEST = 0.5
/** An error of one level may be nothing but the rounding to levels. */
const ROUNDING = 1

export const UNTRIED: ForecastTrust = { skill: 0, scored: 0, right: 0 }

/**
 * How much better a forecast was than "as now", 0..1: 1 where it was right, 0 where "as now" was no worse. The skill score
 * of meteorology (Murphy 1988) with persistence as the reference, on relative errors, cut off at 0.
 *
 * Worked, in levels: needed are 20, 28 were forecast and 26 came: 1 - (2 - 1) / 6 = 0.83.
 */
export function scoreOf(now: Level, expected: Level, came: Level): number {
  const asNow = Math.abs(now - came)
  if (asNow === 0) return 0
  return Math.max(0, 1 - Math.max(0, Math.abs(expected - came) - ROUNDING) / asNow)
}

export function scored(trust: ForecastTrust, score: number): ForecastTrust {
  return {
    skill: Math.round((trust.skill + NEWEST * (score - trust.skill)) * 1000) / 1000,
    scored: trust.scored + 1,
    right: trust.right + (score >= SAY ? 1 : 0),
  }
}

/** Why a forecast has no say; null where it has one. */
export function silenceOf(trust: ForecastTrust, isSilenced: boolean): ForecastDecision['silent'] {
  if (isSilenced) return 'policy'
  if (trust.skill >= SAY) return null
  return trust.right === trust.scored ? 'unproven' : 'erred'
}
