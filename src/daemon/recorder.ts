import type { Outcome } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { Knob } from '#core/model/observation.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { RememberedSetting, TurnRecord } from '#ports.ts'
import type { LoopJournal } from './journal/volatile.ts'
import type { Log } from './log.ts'

/** One knob of one node. */
export interface KnobPlace {
  readonly driver: string
  readonly node: NodeId
  readonly knob: Knob
}

/**
 * The journal as the loop uses it: a write that fails is said once and shown in the status, and the loop goes on
 * managing without a record until there is room again. Only what must not be lost is passed on as a failure: whether
 * the original of a setting is safe.
 */
export class Recorder {
  readonly journal: LoopJournal
  readonly #log: Log
  #problem: string | null = null

  constructor(journal: LoopJournal, log: Log) {
    this.journal = journal
    this.#log = log
  }

  /** Why nothing can be recorded at present, or null. */
  get problem(): string | null {
    return this.#problem
  }

  /** Returns whether the turn is on record. */
  commit(record: TurnRecord, policyText: string): boolean {
    const isRecorded = this.#try(() => this.journal.commit(record, policyText))
    if (!isRecorded) this.journal.breakChain()
    return isRecorded
  }

  /** Returns whether the settings are on record. */
  remember(settings: readonly RememberedSetting[]): boolean {
    return this.#try(() => this.journal.rememberAll(settings))
  }

  outcomes(turn: number, outcomes: readonly Outcome[]): void {
    this.#try(() => this.journal.outcomes(turn, outcomes))
  }

  correct(settings: readonly RememberedSetting[]): void {
    if (settings.length > 0) this.#try(() => this.journal.correct(settings))
  }

  /** Returns whether the setting is on record no more. */
  forget({ driver, node, knob }: KnobPlace): boolean {
    return this.#try(() => this.journal.forget(driver, node, knob))
  }

  wish(name: string, value: unknown): void {
    this.#try(() => this.journal.wish(name, value))
  }

  #try(write: () => void): boolean {
    try {
      write()
    } catch (error) {
      const message = reasonOf(error)
      if (this.#problem === null) this.#log.error(`${message}; managing goes on without a record`)
      this.#problem = message
      return false
    }
    if (this.#problem !== null) this.#log.info('the journal can be written again; turns are on record from here on')
    this.#problem = null
    return true
  }
}
