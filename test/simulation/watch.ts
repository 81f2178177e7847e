import type { Change, Outcome } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { MetricReading } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import type { LoopJournal } from '#daemon/journal/volatile.ts'
import type { Driver, MetricSource, TurnRecord } from '#ports.ts'
import type { Decided, Move } from './decided.ts'
import type { Write } from './faulty-driver.ts'
import type { Hands } from './hands.ts'
import { Ledger } from './ledger.ts'
import { gainsOf, ON_DECISION } from './on-decision.ts'
import { promisesOf } from './on-promises.ts'
import { ON_WRITE } from './on-write.ts'

/** A property that did not hold. */
export interface Failure {
  readonly property: string
  /** Simulated time. */
  readonly atMs: number
  readonly turn: number
  readonly message: string
}

/** More than these say nothing more. */
const FAILURES_MOST = 20

interface Step {
  readonly change: Change
  /** undefined while nobody has answered, null where the driver threw. */
  outcome: Outcome | null | undefined
}

export interface WatchOptions {
  readonly hands: Hands
  /** The policy of a text that is on record. */
  readonly policyOf: (hash: string, text: string) => Policy
  /** Longest simulated time between two calls of a daemon that lives. */
  readonly silenceMsMost: number
  /** Told everything that happens, a line each. */
  readonly tell: (line: string) => void
}

/**
 * Stands between the daemon and the host and looks at all that passes, one call at a time. It keeps books of its own and
 * believes only the host.
 */
export class Watch {
  readonly failures: Failure[] = []
  readonly ledger = new Ledger()
  readonly #options: WatchOptions
  readonly #seenBefore = new Set<string>()
  readonly #moves = new Map<string, Move>()
  #lastTurn = 0
  #decided: Decided | null = null
  #isRecorded = false
  #isRefused = false
  #steps: Step[] = []
  #readings: readonly MetricReading[] = []
  /** The last decision; null where another daemon made it. */
  #before: TurnRecord | null = null
  readonly #promised = new Set<string>()
  #heardMs = 0

  constructor(options: WatchOptions) {
    this.#options = options
  }

  fail(property: string, message: string): void {
    if (this.failures.length >= FAILURES_MOST) return
    const turn = this.#decided?.record.turn ?? this.#lastTurn
    this.failures.push({ property, atMs: this.#options.hands.nowMs, turn, message })
    this.tell(`!! ${property}: ${message}`)
  }

  /** A property that cannot be told is broken, too: what it threw must not be taken for a fault of the journal. */
  #hold<Its>(properties: readonly ((its: Its) => Iterable<string>)[], its: Its): void {
    for (const property of properties) {
      try {
        for (const message of property(its)) this.fail(property.name, message)
      } catch (error) {
        this.fail(property.name, `${error}`)
      }
    }
  }

  tell(line: string): void {
    const { hands, tell } = this.#options
    tell(`${(hands.nowMs / 1000).toFixed(3).padStart(8)} ${line}`)
  }

  /** A daemon starts; the one before has left nothing but its journal. */
  begins(): void {
    this.tell('the daemon starts')
    this.ledger.buried()
    this.#decided = null
    this.#steps = []
    this.#moves.clear()
    this.#before = null
    this.#heardMs = this.#options.hands.nowMs
  }

  wrote(write: Write): void {
    this.tell(`  ${write.by} made ${write.knob} of ${write.node} ${write.after}, was ${write.before}`)
    this.ledger.wrote(write)
  }

  driver(driver: Driver): Driver {
    const { kind, capabilities } = driver
    return {
      kind,
      capabilities,
      prepare: (policy) => driver.prepare(policy),
      observe: (slow) => {
        this.#heard()
        this.#decided = null
        this.#isRecorded = false
        this.#isRefused = false
        return driver.observe(slow)
      },
      read: (node, knob) => {
        this.#heard()
        return driver.read(node, knob)
      },
      identityOf: (node) => driver.identityOf(node),
      apply: (change, signal) => this.#apply(driver, change, signal),
      close: () => driver.close(),
    }
  }

  metrics(source: MetricSource): MetricSource {
    return {
      start: (metric) => source.start(metric),
      latest: () => {
        this.#readings = source.latest()
        return this.#readings
      },
      close: () => source.close(),
    }
  }

  async #apply(driver: Driver, change: Change, signal: AbortSignal): Promise<Outcome> {
    this.#heard()
    const found = await this.#foundNow(change)
    const asked = {
      change,
      found,
      decided: this.#decided,
      isRecorded: this.#isRecorded,
      isRefused: this.#isRefused,
      before: this.#steps,
      ledger: this.ledger,
    }
    this.#hold(ON_WRITE, asked)
    const step: Step = { change, outcome: undefined }
    if (change.because.kind !== 'release') this.#steps.push(step)
    this.ledger.told(change, undefined)
    try {
      const outcome = await driver.apply(change, signal)
      step.outcome = outcome
      this.tell(`  ${change.knob} of ${change.node} to ${change.to}: ${outcome.status}`)
      if (!signal.aborted) this.ledger.told(change, outcome.status === 'applied' ? outcome.to : undefined)
      return outcome
    } catch (error) {
      step.outcome = null
      this.tell(`  ${change.knob} of ${change.node} to ${change.to}: ${error}`)
      throw error
    }
  }

  /** The host itself, whatever the driver says on a bad day. */
  look: (node: NodeId, knob: Change['knob']) => ReturnType<Driver['read']> = async () => null

  #foundNow({ node, knob }: Change) {
    return this.look(node, knob)
  }

  /** "Turns": the daemon never stays silent for longer than its interval and what it may wait for. */
  #heard(): void {
    const { hands, silenceMsMost } = this.#options
    const silentMs = hands.nowMs - this.#heardMs
    this.#heardMs = hands.nowMs
    if (silentMs > silenceMsMost) this.fail('goesOn', `nothing was heard of the daemon for ${silentMs} ms`)
  }

  journal(journal: LoopJournal): LoopJournal {
    return {
      needsCheckpoint: (hash) => journal.needsCheckpoint(hash),
      breakChain: () => journal.breakChain(),
      remembered: () => journal.remembered(),
      wishOf: (name) => journal.wishOf(name),
      firstTurn: () => journal.firstTurn(),
      lastTurn: () => journal.lastTurn(),
      outcomes: (turn, outcomes) => journal.outcomes(turn, outcomes),
      wish: (name, value) => journal.wish(name, value),
      commit: (record, text) => {
        this.#committing(record, text)
        try {
          journal.commit(record, text)
        } catch (error) {
          this.#isRefused = true
          this.tell(`  the journal refuses turn ${record.turn}`)
          throw error
        }
        this.#isRecorded = true
        this.#lastTurn = record.turn
      },
      rememberAll: (settings) => {
        try {
          journal.rememberAll(settings)
        } catch (error) {
          this.ledger.unsaved(settings)
          this.tell('  the journal refuses to remember')
          throw error
        }
        this.ledger.remembered(settings)
      },
      correct: (settings) => {
        try {
          journal.correct(settings)
        } catch (error) {
          this.ledger.unsaved(settings)
          throw error
        }
        this.ledger.corrected(settings)
      },
      forget: (driver, node, knob) => {
        try {
          journal.forget(driver, node, knob)
        } catch (error) {
          this.ledger.forgot({ driver, node, knob }, true)
          this.tell(`  the journal refuses to forget ${knob} of ${node}`)
          throw error
        }
        this.ledger.forgot({ driver, node, knob }, false)
      },
    }
  }

  #committing(record: TurnRecord, text: string): void {
    const policy = this.#options.policyOf(record.policyHash, text)
    const decided: Decided = {
      policy,
      record,
      ledger: this.ledger,
      seenBefore: this.#seenBefore,
      moves: this.#moves,
      readings: this.#readings,
      before: this.#before?.policyHash === record.policyHash ? this.#before.observation : null,
      promised: this.#promised,
      lastTurn: this.#lastTurn,
    }
    this.#decided = decided
    this.#steps = []
    const { verdict, plan } = record.decision
    this.tell(
      `turn ${record.turn}: ${verdict.kind}, ${plan.map(({ node, knob, to }) => `${knob} of ${node} to ${to}`).join(', ')}`,
    )
    this.#hold(ON_DECISION, decided)
    this.#before = record
    for (const promise of promisesOf(record.decision)) this.#promised.add(promise)
    for (const { identity } of record.observation.domains) this.#seenBefore.add(identity)
    for (const one of record.decision.resources) {
      for (const { gain, key } of gainsOf(decided, one)) {
        this.#moves.set(key, { direction: gain > 0 ? 1 : -1, atMs: record.observation.at.monotonicMs })
      }
    }
  }
}
