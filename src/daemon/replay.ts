import { isDeepStrictEqual } from 'node:util'
import { DECIDER, decide } from '#core/decide.ts'
import type { Decision } from '#core/model/decision.ts'
import type { Knowledge } from '#core/model/knowledge.ts'
import type { JournalReader } from './journal/reader.ts'
import { recordedPolicy } from './recover.ts'

/** A recorded turn, decided once more from its inputs. */
export interface Replayed {
  /** With what a turn leaves out for want of time: the smallest changes that would have met each missed goal. */
  readonly thorough: Decision
  /** Whether the same decision came out; null where another version decided then. */
  readonly isSame: boolean | null
}

/** Decides a turn again from the last checkpoint before it; null where the turn is not on record. */
export function decideAgain(journal: JournalReader, turn: number): Replayed | null {
  const records = journal.segmentUntil(turn)
  const last = records.at(-1)
  if (last === undefined || last.turn !== turn) return null
  const policy = recordedPolicy(journal, last.policyHash)
  let knowledge = records[0]?.knowledge as Knowledge
  for (const { observation } of records.slice(0, -1)) knowledge = decide(policy, observation, knowledge).knowledge
  const { decision } = decide(policy, last.observation, knowledge)
  return {
    thorough: decide(policy, last.observation, knowledge, true).decision,
    isSame: last.decider === DECIDER ? isDeepStrictEqual(decision, last.decision) : null,
  }
}
