import { reasonOf } from '#lib/reason-of.ts'
import type { Played } from './play.ts'

/** What came of seeds that were played one after the other. */
export interface Soaked {
  readonly played: number
  readonly turns: number
  /** Seeds that broke a property, or that could not be played. */
  readonly failed: readonly number[]
}

/** Plays seeds from the first one on, at least that one, until it is over. One that throws has failed, like any other. */
export async function soak(
  first: number,
  play: (seed: number) => Promise<Played>,
  isOver: () => boolean,
  say: (line: string) => void,
): Promise<Soaked> {
  const failed: number[] = []
  let turns = 0
  let seed = first
  do {
    try {
      const played = await play(seed)
      turns += played.turns
      const [one] = played.failures
      if (one !== undefined) {
        failed.push(seed)
        const others = played.failures.length - 1
        say(`seed ${seed}: ${one.property} at turn ${one.turn}: ${one.message} (and ${others} more)`)
      }
    } catch (error) {
      failed.push(seed)
      say(`seed ${seed}: ${reasonOf(error)}`)
    }
    seed++
  } while (!isOver())
  return { played: seed - first, turns, failed }
}
