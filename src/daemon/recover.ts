import { DECIDER, decide } from '#core/decide.ts'
import type { Outcome } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import { type Knowledge, NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import type { Knob } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { knobKey } from '#core/reconcile.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { parsePolicy } from '#policy/parse.ts'
import type { TurnRecord } from '#ports.ts'
import type { JournalReader } from './journal/reader.ts'

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
    const records = journal.segmentUntil(lastTurn)
    const last = records.at(-1) as TurnRecord
    // Another decider would have decided otherwise, and take what that one set for somebody else's doing.
    const other = records.find(({ decider }) => decider !== DECIDER)
    if (other !== undefined) throw new Error(`turn ${other.turn} was decided by ${other.decider}, this is ${DECIDER}`)
    const policy = recordedPolicy(journal, last.policyHash)
    let knowledge = records[0]?.knowledge as Knowledge
    for (const { observation } of records) knowledge = decide(policy, observation, knowledge).knowledge
    return {
      knowledge,
      outcomes: outcomesOf(journal, last, knowledge),
      turnsDecidedAgain: records.length,
      problem: null,
    }
  } catch (error) {
    const problem = `cannot bring back what was learned until turn ${lastTurn}, starting without it: ${reasonOf(error)}`
    return { knowledge: { ...NO_KNOWLEDGE, turn: lastTurn }, outcomes: [], turnsDecidedAgain: 0, problem }
  }
}

/**
 * How the last plan went, as far as it is on record; where Reeve died meanwhile, nobody knows what of it was made. What
 * was put back since is not in force either: what is found there then is nobody else's doing.
 */
function outcomesOf(journal: JournalReader, { turn, decision }: TurnRecord, { set }: Knowledge): Outcome[] {
  const known = journal.outcomesOf(turn)
  const unknown =
    known.length > 0 ? [] : decision.plan.map(({ node, knob }): Outcome => ({ status: 'given-up', node, knob }))
  const remembered = new Set(journal.remembered().map(({ node, knob }) => knobKey(node, knob)))
  const putBack = Object.entries(set).flatMap(([node, knobs]) =>
    (Object.keys(knobs) as Knob[])
      .filter((knob) => !remembered.has(knobKey(node as NodeId, knob)))
      .map((knob): Outcome => ({ status: 'given-up', node: node as NodeId, knob })),
  )
  return [...known, ...unknown, ...putBack]
}

/** The policy that was in force in a turn. It was good when it was recorded, so anything else is damage. */
export function recordedPolicy(journal: JournalReader, hash: string): Policy {
  const text = journal.policyText(hash)
  if (text === null) throw new Error(`the journal has no policy ${hash}`)
  const parsed = parsePolicy(text, { file: `policy ${hash.slice(0, 12)}` })
  if (!parsed.ok) throw new Error(`the recorded policy ${hash.slice(0, 12)} is not accepted by this Reeve`)
  return parsed.policy
}
