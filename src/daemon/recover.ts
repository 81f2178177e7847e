import { DECIDER } from '#core/decide.ts'
import type { Outcome } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import { type Knowledge, NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import type { Knob } from '#core/model/observation.ts'
import { knobKey } from '#core/reconcile.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { TurnRecord } from '#ports.ts'
import type { JournalReader } from './journal/reader.ts'
import { type DecidedAgain, lastAgain } from './replay/again.ts'

/** What a restart takes up from the journal. */
export interface Recovered {
  readonly knowledge: Knowledge
  /** How the last plan went; part of the next observation, as if nothing had happened in between. */
  readonly outcomes: readonly Outcome[]
  readonly turnsDecidedAgain: number
  /** Why the knowledge starts empty though there is a journal; null where it does not. */
  readonly problem: string | null
}

/**
 * Brings the knowledge back: the last checkpoint's, then every turn since decided once more from its recorded inputs.
 * Knowledge that cannot be brought back starts empty, which is always safe, but goes on counting turns.
 */
export function recover(journal: JournalReader): Recovered {
  const lastTurn = journal.lastTurn()
  if (lastTurn === 0) return { knowledge: NO_KNOWLEDGE, outcomes: [], turnsDecidedAgain: 0, problem: null }
  try {
    const segment = journal.segmentUntil(lastTurn)
    // Another decider would have decided otherwise, and take what that one set for somebody else's doing.
    const other = segment.find(({ decider }) => decider !== DECIDER)
    if (other !== undefined) throw new Error(`turn ${other.turn} was decided by ${other.decider}, this is ${DECIDER}`)
    const { record, knowledge } = lastAgain(journal, segment) as DecidedAgain
    return {
      knowledge,
      outcomes: outcomesOf(journal, record, knowledge),
      turnsDecidedAgain: segment.length,
      problem: null,
    }
  } catch (error) {
    const problem = `cannot bring back what was learned until turn ${lastTurn}, starting without it: ${reasonOf(error)}`
    return { knowledge: { ...NO_KNOWLEDGE, turn: lastTurn }, outcomes: [], turnsDecidedAgain: 0, problem }
  }
}

/**
 * How the last plan went, as far as it is on record; where Reeve died meanwhile, nobody knows what of it was made. What
 * was put back since, or never came to be remembered, is not in force: what is found there then is nobody else's doing.
 */
function outcomesOf(journal: JournalReader, { turn, decision }: TurnRecord, { set }: Knowledge): Outcome[] {
  const known = journal.outcomesOf(turn)
  const remembered = new Set(journal.remembered().map(({ node, knob }) => knobKey(node, knob)))
  const unknown = (known.length > 0 ? [] : decision.plan)
    .filter(({ node, knob }) => remembered.has(knobKey(node, knob)))
    .map(({ node, knob }): Outcome => ({ status: 'unknown', node, knob }))
  const putBack = Object.entries(set).flatMap(([node, knobs]) =>
    (Object.keys(knobs) as Knob[])
      .filter((knob) => !remembered.has(knobKey(node as NodeId, knob)))
      .map((knob): Outcome => ({ status: 'given-up', node: node as NodeId, knob })),
  )
  return [...known, ...unknown, ...putBack]
}
