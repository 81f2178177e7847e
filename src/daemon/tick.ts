import { DECIDER, type Decide } from '#core/decide.ts'
import type { Decision, Outcome } from '#core/model/decision.ts'
import type { Knowledge } from '#core/model/knowledge.ts'
import type { Observation } from '#core/model/observation.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { type Applying, applyPlan } from './apply.ts'
import type { LoadedPolicy } from './load.ts'
import { type Occasion, observe, type Sources } from './observe.ts'
import type { Recorder } from './recorder.ts'

/** What one turn hands to the next. */
export interface Carried {
  readonly knowledge: Knowledge
  readonly outcomes: readonly Outcome[]
}

/** What decides, and the ways out that a turn uses. */
export interface Instruments extends Sources, Applying {
  readonly driver: Applying['driver']
  readonly clock: Applying['clock']
  readonly decide: Decide
  readonly recorder: Recorder
}

/** What is so when a turn begins. */
export interface Standing extends Omit<Occasion, 'policy' | 'outcomes'> {
  readonly loaded: LoadedPolicy
}

/** What a turn was, for whoever listens. */
export interface Turn {
  readonly turn: number
  readonly observation: Observation
  readonly decision: Decision
  readonly outcomes: readonly Outcome[]
  readonly isRecorded: boolean
}

/**
 * One turn: look, decide, put on record, and only then touch anything. A decision that the checker objects to has an
 * empty plan, so it is recorded with its violations and changes nothing.
 */
export async function tick(
  instruments: Instruments,
  standing: Standing,
  carried: Carried,
): Promise<{ readonly turn: Turn; readonly carried: Carried }> {
  const { policy } = standing.loaded
  const observation = await observe(instruments, { ...standing, policy, outcomes: carried.outcomes })
  const { decision, knowledge } = instruments.decide(policy, observation, carried.knowledge)
  const isRecorded = record(instruments.recorder, standing.loaded, observation, decision, carried.knowledge)
  const outcomes = await applyPlan(decision.plan, instruments).catch((error: unknown) => allFailed(decision, error))
  if (isRecorded && outcomes.length > 0) instruments.recorder.outcomes(decision.turn, outcomes)
  return {
    turn: { turn: decision.turn, observation, decision, outcomes, isRecorded },
    carried: { knowledge, outcomes },
  }
}

/** The turn is on record, so it has been made, whatever came of its plan. */
function allFailed({ plan }: Decision, error: unknown): readonly Outcome[] {
  const message = `the plan could not be carried out, which is a defect in Reeve: ${reasonOf(error)}`
  return plan.map(({ node, knob }) => ({ status: 'failed', node, knob, code: 'EDEFECT', message }))
}

function record(
  recorder: Recorder,
  { hash, text }: LoadedPolicy,
  observation: Observation,
  decision: Decision,
  knowledge: Knowledge,
): boolean {
  const isCheckpoint = recorder.journal.needsCheckpoint(hash)
  return recorder.commit(
    {
      turn: decision.turn,
      policyHash: hash,
      decider: DECIDER,
      observation,
      knowledge: isCheckpoint ? knowledge : null,
      decision,
    },
    text,
  )
}
