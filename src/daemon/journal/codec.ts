import { deserialize, serialize } from 'node:v8'
import type { Decision } from '#core/model/decision.ts'
import { type Knowledge, NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import type { Observation } from '#core/model/observation.ts'
import { applyDelta, delta } from './delta.ts'

/**
 * How a turn becomes bytes: a checkpoint whole, any other turn as the difference from the turn before.
 *
 * V8's own serialization is exact (-0, infinities), and Node documents it as safe to store: a newer Node reads what an
 * older one wrote. JSON would be neither exact nor faster.
 */

/** What of a turn is encoded; the rest are columns. */
export interface TurnBody {
  readonly observation: Observation
  readonly decision: Decision
}

export interface EncodedTurn {
  readonly body: Uint8Array
  readonly parts: Uint8Array | null
}

export function encodeCheckpoint(turn: TurnBody, knowledge: Knowledge): EncodedTurn {
  const { observation, decision } = turn
  return { body: serialize({ observation, decision, knowledge }), parts: null }
}

export function encodeDelta(previous: TurnBody, next: TurnBody): EncodedTurn {
  const { bytes, parts } = delta(bodyOf(previous), bodyOf(next))
  return { body: bytes, parts: parts.length === 0 ? null : serialize(parts) }
}

export function decodeCheckpoint(body: Uint8Array): TurnBody & { readonly knowledge: Knowledge } {
  const { knowledge, ...turn } = deserialize(body)
  return { ...turn, knowledge: current(knowledge) }
}

/** What an older version knew, with nothing of what has been learned only since. */
function current(knowledge: Knowledge): Knowledge {
  if ('forecast' in knowledge) return knowledge
  const { domains } = knowledge as Knowledge
  const each = Object.entries(domains).map(([name, its]) => [name, { ...its, promises: {} }])
  return { ...(knowledge as Knowledge), domains: Object.fromEntries(each), forecast: NO_KNOWLEDGE.forecast }
}

export function decodeDelta(previous: TurnBody, { body, parts }: EncodedTurn): TurnBody {
  return applyDelta(bodyOf(previous), { bytes: body, parts: parts === null ? [] : deserialize(parts) })
}

/** Exactly these two keys in this order, whatever else a record carries. */
function bodyOf({ observation, decision }: TurnBody): { observation: Observation; decision: Decision } {
  return { observation, decision }
}
