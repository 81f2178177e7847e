import type { Decision } from '#core/model/decision.ts'
import type { Knowledge } from '#core/model/knowledge.ts'
import type { Observation } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import type { TurnRecord } from '#ports.ts'
import { decideRecorded } from './again.ts'
import { OtherWorld } from './world.ts'

/** Turns on record decided otherwise, one after the other: what each knows is what this one has come to know. */
export class OtherRun {
  #known: Knowledge
  readonly #world: OtherWorld

  /** `known` is what was known before the first turn that it decides. */
  constructor(known: Knowledge) {
    this.#known = known
    this.#world = new OtherWorld(known.set)
  }

  /** What it would have seen in a recorded turn, which is to be decided next. */
  see(record: TurnRecord): Observation {
    return this.#world.see(record)
  }

  /** `observation` is what it saw, as it would have been made under that policy. @throws where nothing can be decided. */
  decide(record: TurnRecord, policy: Policy, observation: Observation): Decision {
    const { decision, knowledge } = decideRecorded(policy, { ...record, observation }, this.#known)
    this.#world.act(record, decision.plan)
    this.#known = knowledge
    return decision
  }
}
