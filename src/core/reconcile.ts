import type { Outcome } from './model/decision.ts'
import type { NodeId } from './model/ids.ts'
import type { Failure, Knowledge, SetKnob } from './model/knowledge.ts'
import type { Knob, Observation, Setting } from './model/observation.ts'

/** A failed change is tried again after 2 s, then after twice as long each time, at most after five minutes. */
const RETRY_FIRST_MS = 2000
const RETRY_MOST_MS = 300_000

/** How `failures` and the like name one knob of one node. */
export const knobKey = (node: NodeId, knob: Knob): string => `${node} ${knob}`
export const nodeOf = (key: string): NodeId => key.slice(0, key.lastIndexOf(' ')) as NodeId

/**
 * The knowledge, corrected by what became of the last plan, before anything is concluded from it: what was not applied
 * was not set, and what was read back counts, since a kernel rounds to pages and periods, which is nobody's drift. What
 * is found made after all keeps nobody waiting: if it is not what is wanted by now, the next change is due at once.
 * After a restart of the host nothing that was set is in force any more.
 */
export function reconcile(known: Knowledge, { at, outcomes, domains }: Observation): Knowledge {
  if (known.bootId !== at.bootId) return { ...known, set: {}, failures: {} }
  if (outcomes.length === 0 && !hasTried(known)) return known
  const set: Record<NodeId, Partial<Record<Knob, SetKnob>>> = { ...known.set }
  const failures: Record<string, Failure> = { ...known.failures }
  const foundAt = (at: NodeId, knob: Knob) => domains.find(({ node }) => node === at)?.settings[knob]
  for (const outcome of outcomes) {
    const key = knobKey(outcome.node, outcome.knob)
    correct(set, outcome, foundAt(outcome.node, outcome.knob))
    if (outcome.status === 'applied') delete failures[key]
    if (outcome.status !== 'failed') continue
    const count = (failures[key]?.count ?? 0) + 1
    const delayMs = Math.min(RETRY_FIRST_MS * 2 ** (count - 1), RETRY_MOST_MS)
    failures[key] = { count, retryAtMs: at.monotonicMs + delayMs }
  }
  for (const [node, knob, ours] of allSet(set)) {
    if (ours.tried === undefined || foundAt(node, knob) !== ours.tried) continue
    const { tried: _, ...others } = ours
    set[node] = { ...set[node], [knob]: { ...others, value: ours.tried } }
    const key = knobKey(node, knob)
    failures[key] = { count: failures[key]?.count ?? 0, retryAtMs: at.monotonicMs }
  }
  return { ...known, set, failures }
}

/** Whether anything that failed may be made yet, also where nobody wants it any more. Asked each turn of every knob. */
function hasTried({ set }: Knowledge): boolean {
  for (const node in set) {
    const knobs = set[node as NodeId] as Partial<Record<Knob, SetKnob>>
    for (const knob in knobs) if (knobs[knob as Knob]?.tried !== undefined) return true
  }
  return false
}

/** Every knob that Reeve has set. */
function* allSet(set: Knowledge['set']): Generator<[NodeId, Knob, SetKnob]> {
  for (const node in set) {
    const knobs = set[node as NodeId] ?? {}
    for (const knob in knobs) yield [node as NodeId, knob as Knob, knobs[knob as Knob] as SetKnob]
  }
}

function correct(
  set: Record<NodeId, Partial<Record<Knob, SetKnob>>>,
  outcome: Outcome,
  found: Setting | undefined,
): void {
  const { node, knob } = outcome
  const knobs = set[node]
  const ours = knobs?.[knob]
  if (ours === undefined) return
  const holds = whatHolds(ours, outcome, found)
  if (holds !== null) {
    if (holds !== ours) set[node] = { ...knobs, [knob]: holds }
    return
  }
  const { [knob]: _, ...others } = knobs ?? {}
  if (Object.keys(others).length === 0) delete set[node]
  else set[node] = others
}

/**
 * What of Reeve's is in force after all; null where nothing is. What failed may have been made in time, or later; where
 * Reeve had set nothing before, what is found stands in for that. What is found also counts as Reeve's where it died
 * before it was told, or its own setting would be taken for the one that was there before.
 *
 * Worked: a quota of 120 set where none was, of which a change to 110 is unknown, and 120 is found: none is to come back.
 */
function whatHolds(ours: SetKnob, outcome: Outcome, found: Setting | undefined): SetKnob | null {
  const { tried, ...set } = ours
  switch (outcome.status) {
    case 'applied':
      return set.value === outcome.to && tried === undefined ? ours : { ...set, value: outcome.to }
    case 'given-up':
    case 'vanished':
      return null
    case 'unknown':
      // As it was before Reeve, it is nobody's. A guest may be anywhere between what it had and what it was asked for.
      if (found === undefined || found === set.found || set.underWay !== null) return null
      return { ...set, value: found }
    case 'not-tried':
      if (found === set.value) return ours
      return set.before === null ? null : { ...ours, value: set.before.value }
    case 'failed': {
      if (found === set.value) return { ...ours, tried: set.value }
      const instead = set.before?.value ?? found
      return instead === undefined ? null : { ...ours, value: instead, tried: set.value }
    }
  }
}
