import { DECIDER } from '#core/decide.ts'
import { type Knowledge, NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import type { JournalReader } from '#daemon/journal/reader.ts'
import { firstDifference } from '#lib/difference.ts'
import { printable } from '#lib/printable.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { TurnRecord } from '#ports.ts'
import { type DecidedAgain, decideAgain, recordedPolicies } from './again.ts'
import { OtherRun } from './other-run.ts'
import type { Period } from './period.ts'
import type { RecordDifference, SamePolicyReport } from './report.ts'
import { SpanOf } from './span.ts'
import { Tally } from './tally.ts'

const DIFFERENCES_MOST = 10
/** Enough of a value to tell what it is. */
const VALUE_MOST = 200

/**
 * Decides every turn of a period again by the policy and the inputs on record, the recorded decision withheld, and
 * compares bit for bit: each decision with the recorded one, and at each checkpoint the knowledge that follows from the
 * turns before it with the knowledge recorded there. Turns that another version decided cannot be the same bit for bit;
 * they are compared as those of another policy are. One segment is in memory at a time.
 */
export function replaySamePolicy(journal: JournalReader, { from, to }: Period): SamePolicyReport {
  const found = new Findings()
  const policies = recordedPolicies(journal)
  let before: DecidedAgain | null = null
  for (const checkpoint of journal.checkpoints(from, to)) {
    try {
      for (const again of decideAgain(policies, journal.segment(checkpoint, to))) {
        const { turn } = again.record
        if (turn >= from) {
          if (turn === checkpoint) found.checkpoint(again, before)
          found.turn(again)
        }
        before = again
      }
    } catch (error) {
      found.unusable(checkpoint, error)
      before = null
    }
  }
  return found.report()
}

class Findings {
  readonly #span = new SpanOf()
  #turns = 0
  readonly #differing = { turns: 0, checkpoints: 0, segments: 0 }
  readonly #differences: RecordDifference[] = []
  #gaps = 0
  #startedAnew = 0
  readonly #deciders = new Set<string>()
  readonly #tally = new Tally()
  #otherVersion: OtherRun | null = null

  turn(again: DecidedAgain): void {
    const { record, decision } = again
    this.#span.add(record)
    if (record.decider !== DECIDER) {
      this.#addOtherVersion(again)
      return
    }
    this.#otherVersion = null
    this.#turns++
    const differs = firstDifference(record.decision, decision)
    if (differs === null) return
    this.#differing.turns++
    const { path, one, other } = differs
    this.#note({ kind: 'decision', turn: record.turn, path, recorded: valueText(one), now: valueText(other) })
  }

  /** `before` is the turn before it on record, decided again; null where there is none that could be. */
  checkpoint({ record }: DecidedAgain, before: DecidedAgain | null): void {
    if (before === null) return
    if (before.record.turn !== record.turn - 1) {
      this.#gaps++
      // What follows did not see what the turns between them saw.
      this.#otherVersion = null
      return
    }
    // Another version knew what it had learned by its own ways.
    if (record.decider !== DECIDER) return
    const recorded = record.knowledge as Knowledge
    const differs = firstDifference(recorded, before.knowledge)
    if (differs === null) return
    if (isAnew(record)) {
      this.#startedAnew++
      return
    }
    this.#differing.checkpoints++
    const { path, one, other } = differs
    this.#note({ kind: 'knowledge', turn: record.turn, path, recorded: valueText(one), now: valueText(other) })
  }

  unusable(turn: number, error: unknown): void {
    this.#differing.segments++
    this.#otherVersion = null
    this.#note({ kind: 'unusable', turn, message: reasonOf(error) })
  }

  report(): SamePolicyReport {
    const deciders = [...this.#deciders]
    return {
      kind: 'same-policy',
      span: this.#span.span,
      decider: DECIDER,
      turns: this.#turns,
      same: this.#turns - this.#differing.turns,
      differing: { ...this.#differing },
      differences: this.#differences,
      gaps: this.#gaps,
      startedAnew: this.#startedAnew,
      otherVersions: deciders.length === 0 ? null : { deciders, comparison: this.#tally.comparison() },
    }
  }

  /** From the first such turn in a row on it goes by what it comes to know itself. */
  #addOtherVersion({ record, policy, known }: DecidedAgain): void {
    this.#deciders.add(record.decider)
    this.#otherVersion ??= new OtherRun(known)
    const now = this.#otherVersion.decide(record, policy, this.#otherVersion.see(record))
    this.#tally.add(record.turn, record.decision, now)
  }

  #note(difference: RecordDifference): void {
    if (this.#differences.length < DIFFERENCES_MOST) this.#differences.push(difference)
  }
}

/** A start that could not bring back what was learned goes on counting turns, and knows nothing else. */
function isAnew({ turn, knowledge }: TurnRecord): boolean {
  return firstDifference(knowledge, { ...NO_KNOWLEDGE, turn: turn - 1 }) === null
}

/** A value exactly, as far as it fits on a line. JSON has neither -0 nor infinities, which the record does have. */
function valueText(value: unknown): string {
  if (value === undefined) return 'absent'
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  return printable(JSON.stringify(value), VALUE_MOST)
}
