import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Outcome } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { Knob } from '#core/model/observation.ts'
import { closeToOthers, makePrivateFile } from '#daemon/private.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Journal, RememberedSetting, TurnRecord } from '#ports.ts'
import { encodeCheckpoint, encodeDelta, type TurnBody } from './codec.ts'
import { prune } from './prune.ts'
import { JournalReader, journalPath } from './reader.ts'
import { damageOf, migrate } from './schema.ts'

/** A write to the journal that failed: what was to be recorded, where, and why not. */
export class JournalError extends Error {
  override readonly name = 'JournalError'
}

export interface JournalLimits {
  readonly ageMsMax: number
  readonly bytesMax: number
  /** Every how many turns the knowledge is written whole, which bounds what a restart has to decide again. */
  readonly checkpointEvery: number
}

export const DEFAULT_LIMITS: JournalLimits = {
  ageMsMax: 7 * 24 * 3600 * 1000,
  bytesMax: 512 * 1024 * 1024,
  checkpointEvery: 60,
}

/**
 * The record, in one SQLite file that only the daemon writes. The write-ahead log with `synchronous = NORMAL` hands
 * every commit to the kernel before it returns, so the death of the process, `kill -9` included, loses no committed
 * turn. A power cut may lose the last seconds but never damages the file; the host's allocations are gone then anyway.
 */
export class SqliteJournal extends JournalReader implements Journal {
  readonly #limits: JournalLimits
  readonly #path: string
  readonly #insertPolicy: StatementSync
  readonly #insertTurn: StatementSync
  readonly #insertOutcomes: StatementSync
  readonly #remember: StatementSync
  readonly #correct: StatementSync
  readonly #forget: StatementSync
  readonly #wish: StatementSync
  /** The turn that the next delta builds on; null where the next commit must be a checkpoint. */
  #previous: TurnBody | null = null
  #segment = 0
  #policyHash = ''
  #sinceCheckpoint = 0

  constructor(path: string, limits: JournalLimits) {
    super(openForWriting(path))
    this.#path = path
    this.#limits = limits
    const sql = (text: string) => this.database.prepare(text)
    this.#insertPolicy = sql('INSERT OR IGNORE INTO policies (hash, text) VALUES (?, ?)')
    this.#insertTurn = sql(
      `INSERT OR REPLACE INTO turns (turn, segment, utc_ms, policy, decider, changes, changed, body, parts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#insertOutcomes = sql('INSERT OR REPLACE INTO outcomes (turn, body) VALUES (?, ?)')
    this.#remember = sql(
      `INSERT INTO settings (driver, node, knob, domain, identity, original, last_set, may_be)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (driver, node, knob) DO UPDATE SET
         original = iif(identity = excluded.identity, original, excluded.original),
         domain = excluded.domain, identity = excluded.identity,
         last_set = excluded.last_set, may_be = excluded.may_be`,
    )
    this.#correct = sql('UPDATE settings SET last_set = ?, may_be = ? WHERE driver = ? AND node = ? AND knob = ?')
    this.#forget = sql('DELETE FROM settings WHERE driver = ? AND node = ? AND knob = ?')
    this.#wish = sql('INSERT OR REPLACE INTO wishes (name, value) VALUES (?, ?)')
  }

  /** True where the next record must bring the knowledge along; a segment has one policy, so a new policy starts one. */
  needsCheckpoint(policyHash: string): boolean {
    return (
      this.#previous === null ||
      policyHash !== this.#policyHash ||
      this.#sinceCheckpoint >= this.#limits.checkpointEvery
    )
  }

  commit(record: TurnRecord, policyText: string): void {
    const { turn, knowledge, decision, observation } = record
    const isCheckpoint = knowledge !== null
    if (!isCheckpoint && this.needsCheckpoint(record.policyHash)) {
      throw new JournalError(`turn ${turn} starts a segment and must bring its knowledge`)
    }
    const encoded = isCheckpoint ? encodeCheckpoint(record, knowledge) : encodeDelta(this.#previous as TurnBody, record)
    const segment = isCheckpoint ? turn : this.#segment
    this.#attempt(`record turn ${turn}`, () => {
      // Texts are kept once, and only a checkpoint can have a new one.
      if (isCheckpoint) this.#insertPolicy.run(record.policyHash, policyText)
      this.#insertTurn.run(
        turn,
        segment,
        observation.at.utcMs,
        record.policyHash,
        record.decider,
        decision.plan.length,
        decision.plan.length === 0 ? null : domainsOf(record),
        encoded.body,
        encoded.parts,
      )
    })
    this.#previous = record
    this.#segment = segment
    this.#policyHash = record.policyHash
    this.#sinceCheckpoint = isCheckpoint ? 1 : this.#sinceCheckpoint + 1
    if (isCheckpoint) this.#prune(observation.at.utcMs)
  }

  /** Whatever goes unrecorded breaks the chain of deltas and of knowledge: the next record starts a new one. */
  breakChain(): void {
    this.#previous = null
  }

  outcomes(turn: number, outcomes: readonly Outcome[]): void {
    this.#attempt(`record the outcomes of turn ${turn}`, () => this.#insertOutcomes.run(turn, JSON.stringify(outcomes)))
  }

  remember(setting: RememberedSetting): void {
    this.rememberAll([setting])
  }

  /**
   * In one transaction. The first call for a knob keeps its original, later ones only what Reeve set last; what carries the
   * knob by now may be another one, which has an original of its own.
   */
  rememberAll(settings: readonly RememberedSetting[]): void {
    if (settings.length === 0) return
    this.#attempt(`remember ${settings.length} settings before changing them`, () => {
      for (const { driver, node, knob, domain, identity, ...values } of settings) {
        const [original, lastSet, mayBe] = [values.original, values.lastSet, values.mayBe].map((v) => JSON.stringify(v))
        this.#remember.run(driver, node, knob, domain, identity, original as string, lastSet as string, mayBe as string)
      }
    })
  }

  /** Writes down what these were set to last after all, where that is not what the last `remember` announced. */
  correct(settings: readonly RememberedSetting[]): void {
    this.#attempt(`correct ${settings.length} remembered settings`, () => {
      for (const { driver, node, knob, lastSet, mayBe } of settings) {
        this.#correct.run(JSON.stringify(lastSet), JSON.stringify(mayBe), driver, node, knob)
      }
    })
  }

  forget(driver: string, node: NodeId, knob: Knob): void {
    this.#attempt(`forget the setting ${knob} of ${node}`, () => this.#forget.run(driver, node, knob))
  }

  /** Something that an operator asked for and that a restart must not undo, such as a pause; as JSON. */
  wish(name: string, value: unknown): void {
    this.#attempt(`record ${name}`, () => this.#wish.run(name, JSON.stringify(value)))
  }

  #prune(utcMs: number): void {
    try {
      prune(this.database, { olderThanUtcMs: utcMs - this.#limits.ageMsMax, bytesMax: this.#limits.bytesMax })
    } catch {
      // Deleting needs room in the log too. The next checkpoint tries again, and the turn itself is recorded.
    }
  }

  #attempt(what: string, write: () => void): void {
    try {
      this.database.exec('BEGIN IMMEDIATE')
      write()
      this.database.exec('COMMIT')
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK')
      throw new JournalError(`cannot ${what} in ${this.#path}: ${reasonOf(error)}`, { cause: error })
    }
  }
}

function domainsOf({ decision }: TurnRecord): string {
  const names = new Set<string>()
  for (const { domain } of decision.plan) if (domain !== null) names.add(domain)
  return JSON.stringify([...names])
}

function openForWriting(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    makePrivateFile(path)
    // SQLite makes these with the journal's own mode; those that are left from before had that of then.
    for (const beside of ['-wal', '-shm']) closeToOthers(path + beside)
    const database = new DatabaseSync(path, { timeout: 2000 })
    // Before the first table exists, or it has no effect: freed pages can then be given back in small steps.
    database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    migrate(database, path)
    return database
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('cannot')) throw error
    const why = damageOf(error) ?? `${reasonOf(error)}; make its directory writable, or name another with --state`
    throw new JournalError(`cannot open the journal ${path}: ${why}`, { cause: error })
  }
}

/** Opens the journal of a state directory for the daemon, and makes it where there is none. */
export function openJournal(stateDir: string, limits: Partial<JournalLimits> = {}): SqliteJournal {
  return new SqliteJournal(journalPath(stateDir), { ...DEFAULT_LIMITS, ...limits })
}
