import type { Observation } from '#core/model/observation.ts'
import type { MetricPolicy, Policy } from '#core/model/policy.ts'
import type { JournalReader } from '#daemon/journal/reader.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { TurnRecord } from '#ports.ts'
import { type DecidedAgain, decideAgain, lastAgain, recordedPolicies } from './again.ts'
import { observationsFor } from './for-policy.ts'
import { OtherRun } from './other-run.ts'
import type { Period } from './period.ts'
import type { OtherPolicyReport, Unusable } from './report.ts'
import { SimulatedTally } from './simulated-tally.ts'
import { SimulatedWorld } from './simulated-world.ts'
import { SpanOf } from './span.ts'
import { Tally } from './tally.ts'

const UNUSABLE_MOST = 10

/** The policy that the turns are decided by. */
export interface NamedPolicy {
  readonly policy: Policy
  readonly file: string
  readonly hash: string
}

/**
 * Decides every turn of a period by another policy, as if it had been loaded before the first of them: from what was
 * known by then, each turn from what was observed in it, and from what the one before has come to know. After a gap in the
 * record it begins anew, as what it would have set meanwhile is not known. Where that is to be simulated, what was observed
 * also answers to what this policy has set. One segment is in memory at a time.
 */
export function replayOtherPolicy(
  journal: JournalReader,
  { from, to }: Period,
  { policy, file, hash }: NamedPolicy,
  isSimulated = false,
): OtherPolicyReport {
  const span = new SpanOf()
  const tally = new Tally()
  const shown = new Shown()
  const simulated = isSimulated ? new SimulatedTally() : null
  const observationFor = observationsFor(policy)
  const asSeen = (observation: Observation): Observation => {
    const seen = observationFor(observation)
    shown.add(seen)
    return seen
  }
  let segments = 0
  const first: Unusable[] = []
  let gaps = 0
  let last: number | null = null
  let run: { readonly other: OtherRun; readonly world: SimulatedWorld } | null = null
  for (const checkpoint of journal.checkpoints(from, to)) {
    try {
      const segment = journal.segment(checkpoint, to)
      for (const { record, again } of turnsOf(journal, segment, isSimulated)) {
        if (record.turn < from) continue
        if (last !== null && record.turn !== last + 1) {
          gaps++
          run = null
        }
        last = record.turn
        run ??= { other: runFrom(journal, segment, record), world: new SimulatedWorld() }
        const seen = run.other.see(record)
        const answer = again === null ? null : run.world.answer(again, seen)
        const now = run.other.decide(record, policy, asSeen(answer?.observation ?? seen))
        span.add(record)
        tally.add(record.turn, record.decision, now)
        if (again !== null && answer !== null) simulated?.add(again, answer, policy, now)
      }
    } catch (error) {
      run = null
      last = null
      segments++
      if (first.length < UNUSABLE_MOST) first.push({ kind: 'unusable', turn: checkpoint, message: reasonOf(error) })
    }
  }
  return {
    kind: 'other-policy',
    span: span.span,
    policy: { file, hash },
    comparison: tally.comparison(isSimulated),
    simulated: simulated?.run() ?? null,
    gaps,
    notOnRecord: shown.lacksOf(policy),
    unusable: { segments, first },
  }
}

interface Turn {
  readonly record: TurnRecord
  /** Decided again by what was in force, for what was known then; null where nobody asks for that. */
  readonly again: DecidedAgain | null
}

function* turnsOf(journal: JournalReader, segment: readonly TurnRecord[], isSimulated: boolean): Generator<Turn, void> {
  if (!isSimulated) for (const record of segment) yield { record, again: null }
  else for (const again of decideAgain(recordedPolicies(journal), segment)) yield { record: again.record, again }
}

/** Takes up what was known before a turn of the segment. */
function runFrom(journal: JournalReader, segment: readonly TurnRecord[], { turn }: TurnRecord): OtherRun {
  const again = lastAgain(
    journal,
    segment.filter((record) => record.turn <= turn),
  ) as DecidedAgain
  return new OtherRun(again.known)
}

/** What the record shows of that which a policy may name. */
class Shown {
  readonly #entries = new Set<number>()
  readonly #metrics = new Set<string>()
  readonly #counters = new Set<string>()
  readonly #resources = new Set<string>()

  add({ domains, metrics, capacity }: Observation): void {
    for (const { policyIndex, counters, told } of domains) {
      this.#entries.add(policyIndex)
      for (const counter in counters) this.#counters.add(counter)
      for (const counter in told?.counters) this.#counters.add(counter)
    }
    for (const { metric } of metrics) this.#metrics.add(metric)
    for (const resource in capacity) this.#resources.add(resource)
  }

  lacksOf({ domains, metrics, resources }: Policy): OtherPolicyReport['notOnRecord'] {
    return {
      domains: domains
        .filter(({ match }, index) => match.kind !== 'parent' && !this.#entries.has(index))
        .map(({ name }) => name),
      metrics: metrics.filter((metric) => !this.#isRead(metric)).map(({ name }) => name),
      resources: resources
        .filter(({ key, capacity }) => capacity === 'observed' && !this.#resources.has(key))
        .map(({ key }) => key),
    }
  }

  #isRead({ name, source }: MetricPolicy): boolean {
    return source.kind === 'counter' ? this.#counters.has(source.counter) : this.#metrics.has(name)
  }
}
