import type { GoalMemory } from '#core/model/knowledge.ts'
import { remembered } from './estimator.ts'

/**
 * How the response time of a service follows from the CPU that it has, as far as it was seen: a queue with processor
 * sharing, in which `time = work / (capacity - use)`. Its one unknown, `work` (the metric's unit x millicores), is
 * learned, and so is how far it is off: it has to earn trust by having told beforehand what was measured then. Source:
 * Kleinrock, Queueing Systems II (1976), section 4.4; any quantile of the response time scales alike there.
 *
 * Worked: 100 ms with 1000 millicores of which 600 are used are 40,000; for 50 ms 800 more than what is used are needed.
 */
export interface Queue {
  readonly work: number
  /** The most that it was seen to use at once, in millicores. */
  readonly most: number
  /** Mean of the absolute logarithm of measured over predicted. */
  readonly off: number
  readonly trials: number
}

/** Weight of the newest reading, both in the work and in what it is off by. */
const NEWEST = 0.3
/** One reading moves the work by no more than this factor, so that a single outlier is forgotten soon. */
const OUTLIER = 3
const TRIALS_LEAST = 5
/** Predictions that are off by less than this factor, in the mean, are trusted. */
const TRUSTED_OFF = Math.log(1.7)

export function queueOf(memory: GoalMemory): Queue | null {
  const work = remembered(memory, 'work')
  if (work === undefined) return null
  const [most, off, trials] = ['most', 'off', 'trials'].map((name) => remembered(memory, name) ?? 0)
  return { work, most, off, trials } as Queue
}

/** Learns from one reading of a time above 0, with so much of the CPU used that was found then (millicores). */
export function observed(queue: Queue | null, time: number, use: number, found: number): Queue {
  const seen = time * (found - use)
  if (queue === null) return { work: seen, most: use, off: 0, trials: 0 }
  const error = Math.log(seen / queue.work)
  const bounded = Math.min(Math.max(error, -Math.log(OUTLIER)), Math.log(OUTLIER))
  return {
    work: queue.work * Math.exp(NEWEST * bounded),
    most: Math.max(queue.most, use),
    off: queue.off + NEWEST * (Math.abs(error) - queue.off),
    trials: queue.trials + 1,
  }
}

export function isTrusted({ off, trials }: Queue): boolean {
  return trials >= TRIALS_LEAST && off < TRUSTED_OFF
}

/** The time to be expected with so much capacity unused. */
export function predictedTime({ work }: Queue, slack: number): number {
  return work / slack
}

/** How much capacity must be left unused for a time. */
export function slackFor({ work }: Queue, time: number): number {
  return work / time
}
