import { DECIDER, decide } from '#core/decide.ts'
import type { Decision } from '#core/model/decision.ts'
import type { DomainName } from '#core/model/ids.ts'
import type { Knowledge } from '#core/model/knowledge.ts'
import type { Policy } from '#core/model/policy.ts'
import { CPU } from '#core/model/resource.ts'
import type { JournalReader } from '#daemon/journal/reader.ts'
import { firstDifference } from '#lib/difference.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { parsePolicy } from '#policy/parse.ts'
import type { TurnRecord } from '#ports.ts'

/** Deciding recorded turns again: for a restart, for `reeve explain`, and for `reeve replay`. */

/** One turn on record, decided once more from its inputs. The recorded decision has no part in it. */
export interface DecidedAgain {
  readonly record: TurnRecord
  readonly policy: Policy
  /** What was known before it. */
  readonly known: Knowledge
  readonly decision: Decision
  /** What is known after it. */
  readonly knowledge: Knowledge
}

/** Answers the policy of a hash. @throws where it is not on record, or this Reeve does not accept it. */
export type Policies = (hash: string) => Policy

/** Policies as the journal has them; only the last is kept, for one segment after another has the same. */
export function recordedPolicies(journal: JournalReader): Policies {
  let last: { readonly hash: string; readonly policy: Policy } | null = null
  return (hash) => {
    if (last?.hash !== hash) last = { hash, policy: recordedPolicy(journal, hash) }
    return last.policy
  }
}

/** The policy that was in force in a turn. It was good when it was recorded, so anything else is damage. */
export function recordedPolicy(journal: JournalReader, hash: string): Policy {
  const text = journal.policyText(hash)
  if (text === null) throw new Error(`the journal has no policy ${hash}`)
  const parsed = parsePolicy(text, { file: `policy ${hash.slice(0, 12)}` })
  if (!parsed.ok) throw new Error(`the recorded policy ${hash.slice(0, 12)} is not accepted by this Reeve`)
  return parsed.policy
}

/**
 * Decides the turns of a segment again, oldest first, from the knowledge of its checkpoint: what each knows follows from
 * those before it. Each is decided when it is asked for.
 *
 * @throws where a turn cannot be decided, naming it.
 */
export function* decideAgain(policies: Policies, segment: readonly TurnRecord[]): Generator<DecidedAgain, void> {
  let known = segment[0]?.knowledge as Knowledge
  for (const record of segment) {
    const policy = policies(record.policyHash)
    const { decision, knowledge } = decideRecorded(policy, record, known)
    yield { record, policy, known, decision, knowledge }
    known = knowledge
  }
}

/** What a turn decides by a policy and from what is known. @throws where its record is none that can be decided on. */
export function decideRecorded(policy: Policy, { turn, observation }: TurnRecord, known: Knowledge) {
  try {
    return decide(policy, observation, known)
  } catch (cause) {
    throw new Error(`turn ${turn} cannot be decided again from its record: ${reasonOf(cause)}`, { cause })
  }
}

/** A turn that somebody asks about. */
export interface TurnAgain {
  /** With what a turn leaves out for want of time: the smallest changes that would have met each missed goal. */
  readonly thorough: Decision
  /** Whether the same decision came out; null where another version decided then. */
  readonly isSame: boolean | null
  /** Millicores to which a quota holds a domain after it, so that others get what they are owed. */
  readonly restrained: ReadonlyMap<DomainName, number>
}

/** Decides a turn again from the last checkpoint before it; null where the turn is not on record. */
export function decideTurnAgain(journal: JournalReader, turn: number): TurnAgain | null {
  const last = lastAgain(journal, journal.segmentUntil(turn))
  if (last === null) return null
  const { record, policy, known, decision } = last
  return {
    restrained: restrainedAfter(last),
    thorough: decide(policy, record.observation, known, true).decision,
    isSame: record.decider === DECIDER ? firstDifference(record.decision, decision) === null : null,
  }
}

function restrainedAfter({ record, knowledge }: DecidedAgain): Map<DomainName, number> {
  const restrained = new Map<DomainName, number>()
  for (const { name, node } of record.observation.domains) {
    const quota = knowledge.set[node]?.['cpu.quota']?.value
    const isRestrained = knowledge.domains[name]?.resources[CPU]?.isRestrained === true
    if (isRestrained && typeof quota === 'number') restrained.set(name, quota)
  }
  return restrained
}

/** The last turn of a segment, decided again with all before it; null where there is none. */
export function lastAgain(journal: JournalReader, segment: readonly TurnRecord[]): DecidedAgain | null {
  let last: DecidedAgain | null = null
  for (const again of decideAgain(recordedPolicies(journal), segment)) last = again
  return last
}
