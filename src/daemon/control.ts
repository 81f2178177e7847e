import { hostname } from 'node:os'
import type { EventReport, ReleaseReport, ReloadResult, Status } from '#api/contract.ts'
import { VERSION } from '#api/version.ts'
import { narrowed } from '#core/metadata.ts'
import type { Outcome } from '#core/model/decision.ts'
import type { DomainName } from '#core/model/ids.ts'
import type { ComposedDriver } from '#drivers/compose.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { readPolicyFile } from '#policy/read.ts'
import type { Prepared, RememberedSetting } from '#ports.ts'
import { type Ends, Events } from './events.ts'
import { type LoadedPolicy, loadPolicy } from './load.ts'
import type { Log } from './log.ts'
import { lookEveryMs } from './looks.ts'
import type { Metrics } from './metrics.ts'
import { Others } from './others.ts'
import { releaseSettings } from './release.ts'
import { statusOf } from './status.ts'
import { type Carried, type Instruments, type Turn, tick } from './tick.ts'

/** A turn as listeners get it, with what it cost this process. */
export interface TurnSummary extends Turn {
  readonly cpuMs: number
}

export interface ControlParts extends Omit<Instruments, 'host'> {
  readonly policyFile: string | null
  readonly driver: ComposedDriver
  readonly driverKinds: readonly string[]
  readonly metrics: Metrics
  readonly journalPath: string
  readonly log: Log
  /** Tells the CPU time that this process has used, in milliseconds; asking the kernel takes as long as a small decision. */
  readonly usedCpuMs: () => number
}

/** A domain that is not there. The HTTP side tells it by its name. */
export class NotSeen extends Error {
  override readonly name = 'NotSeen'
}

const NO_WINDOWS = [] as const
/** What is gone is forgotten so often. */
const FORGET_EVERY_MS = 60_000

/**
 * What the daemon is doing, and all that can be asked of it. Turns, reloads and releases happen one after another,
 * never at once: each finds the host and the policy as the one before left them.
 */
export class Control {
  readonly #parts: ControlParts
  readonly #host = hostname()
  readonly #listeners = new Set<(turn: TurnSummary) => void>()
  #loaded: LoadedPolicy
  #carried: Carried
  #paused: boolean
  readonly #events: Events
  /** Domains of which the operator takes back what somebody else set, until none of it is left. */
  #reclaimed: readonly DomainName[] = []
  #prepared: readonly Prepared[] = []
  #refused: Status['policy']['refused'] = null
  #last: TurnSummary | null = null
  #problem: string | null = null
  #forgetDueMs = Number.NEGATIVE_INFINITY
  #lookedAtMs = Number.NEGATIVE_INFINITY
  /** Whether a look has ended that no turn has made use of. */
  #hasLooked = false
  #looksUnderWay = 0
  #queue: Promise<unknown> = Promise.resolve()
  #isClosed = false
  readonly #others: Others

  constructor(parts: ControlParts, loaded: LoadedPolicy, carried: Carried) {
    this.#parts = parts
    this.#loaded = loaded
    this.#carried = carried
    const isUnknown = Object.keys(carried.knowledge.set).length === 0
    this.#others = new Others(parts, isUnknown, (settings) => this.#release(settings))
    this.#paused = parts.recorder.journal.wishOf('paused') === true
    this.#events = new Events((parts.recorder.journal.wishOf('events') ?? {}) as Ends, (ends) =>
      parts.recorder.wish('events', ends),
    )
  }

  get intervalMs(): number {
    return this.#loaded.policy.host.intervalMs
  }

  get isPaused(): boolean {
    return this.#paused
  }

  /** Domains as last seen, for telling which one a process runs in. */
  get domains() {
    return this.#last?.observation.domains ?? []
  }

  /** Finds or makes what the policy describes; before the first turn and with every other policy. */
  prepare(): Promise<void> {
    return this.#alone(async () => void (await this.#adopt(this.#loaded)))
  }

  /** Looks at what is looked at only now and then, while turns go on; the next one after it makes use of it. */
  async look(): Promise<void> {
    this.#looksUnderWay++
    try {
      await this.#parts.driver.look()
      this.#hasLooked = true
    } finally {
      this.#looksUnderWay--
    }
  }

  /** One turn. What goes wrong is said, and the last allocation stands; rejects after `close` only. */
  turn(): Promise<void> {
    return this.#alone(async () => {
      try {
        const summary = await this.#tick()
        if (this.#others.isDue ?? this.#hasLeft(summary)) await this.#putBackOthers()
        this.#forgetGone(summary)
        this.#last = summary
        if (this.#problem !== null) this.#parts.log.info('turns are made again')
        this.#problem = null
        this.#tell(summary)
      } catch (error) {
        const message = `turn ${this.#carried.knowledge.turn + 1} was not made, settings stay as they are: ${reasonOf(error)}`
        // Once, not every second: a standing problem shows in the status.
        if (this.#problem === null) this.#parts.log.error(message)
        this.#problem = message
      }
    })
  }

  /** Whether a domain says that it is not to be managed, of which something is still set. */
  #hasLeft({ observation }: Turn): boolean {
    const leaving = observation.domains.filter((domain) => {
      const its = this.#loaded.policy.domains[domain.policyIndex]
      return domain.metadata?.ignore === true && its !== undefined && narrowed(its, domain).role === 'ignored'
    })
    if (leaving.length === 0) return false
    const settings = this.#parts.originals.all()
    return leaving.some(({ node }) => settings.some((setting) => setting.node === node))
  }

  /** Now and then, what was set on what is no more. */
  #forgetGone({ observation: { at, domains, nodes } }: Turn): void {
    if (at.monotonicMs < this.#forgetDueMs) return
    this.#forgetDueMs = at.monotonicMs + FORGET_EVERY_MS
    const { originals, driver } = this.#parts
    const shown = new Set([...domains.map(({ node }) => node), ...nodes.map(({ id }) => id)])
    originals.forgetGone(shown, (kind) => driver.of(kind))
  }

  async #tick(): Promise<TurnSummary> {
    const { clock, usedCpuMs } = this.#parts
    const { monotonicMs: nowMs, utcMs } = clock.now(NO_WINDOWS)
    const dueMs = this.#lookedAtMs + lookEveryMs(this.#loaded.policy, this.#last)
    if (nowMs >= dueMs && this.#looksUnderWay === 0) {
      this.#lookedAtMs = nowMs
      void this.look()
    }
    const slow = this.#hasLooked
    this.#hasLooked = false
    const events = this.#events.on(utcMs)
    const before = usedCpuMs()
    const { turn, carried } = await tick(
      { ...this.#parts, host: this.#host },
      { loaded: this.#loaded, paused: this.#paused, events, reclaimed: this.#reclaimed, slow },
      this.#carried,
    )
    this.#reclaimed = this.#reclaimed.filter((name) => turn.decision.drift.some(({ domain }) => domain === name))
    this.#carried = carried
    return { ...turn, cpuMs: usedCpuMs() - before }
  }

  #tell(summary: TurnSummary): void {
    for (const listener of this.#listeners) {
      try {
        listener(summary)
      } catch (error) {
        this.#parts.log.error(`a listener of turns failed at turn ${summary.turn}: ${reasonOf(error)}`)
      }
    }
  }

  onTurn(listener: (turn: TurnSummary) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Takes another policy, or keeps the one in force and says why. Without a text the policy's file is read again; with
   * one, `file` is where it comes from.
   */
  async reload(text?: string, file?: string): Promise<ReloadResult> {
    const { driverKinds, clock, log } = this.#parts
    const result = await this.#alone(async (): Promise<ReloadResult> => {
      const read = await this.#policyText(text, file)
      if (!read.ok) return { ok: false, kind: 'unreadable', faults: [read.reason] }
      const loading = loadPolicy(read.text, read.file, driverKinds)
      if (!loading.ok) return { ok: false, kind: loading.kind, faults: [...loading.faults] }
      const { loaded } = loading
      const changed = loaded.hash !== this.#loaded.hash
      // The same text from another file: nothing to prepare, and the status names where it is now.
      const putBack = changed ? await this.#adopt(loaded) : []
      this.#loaded = loaded
      return { ok: true, hash: loaded.hash, changed, warnings: [...loaded.warnings, ...putBack] }
    })
    this.#refused = result.ok ? null : { utcMs: clock.now(NO_WINDOWS).utcMs, faults: result.faults }
    if (result.ok)
      log.info(result.changed ? `policy ${result.hash.slice(0, 12)} is in force` : 'the policy has not changed')
    else log.warn(`the new policy is ${result.kind}, the last good one stays in force:\n${result.faults.join('\n')}`)
    return result
  }

  async #policyText(
    text: string | undefined,
    file: string | undefined,
  ): Promise<{ ok: true; text: string; file: string | null } | { ok: false; reason: string }> {
    if (text !== undefined) return { ok: true, text, file: file ?? null }
    const { policyFile } = this.#parts
    if (policyFile === null)
      return { ok: false, reason: 'this daemon was started without a policy file; send the text' }
    try {
      return { ok: true, text: (await readPolicyFile(policyFile)).text, file: policyFile }
    } catch (error) {
      return { ok: false, reason: `cannot read the policy ${policyFile}: ${reasonOf(error)}` }
    }
  }

  /** Returns what there is to say of settings that the policy has turned no more. */
  async #adopt(loaded: LoadedPolicy): Promise<string[]> {
    const { driver, metrics, log } = this.#parts
    this.#prepared = await driver.prepare(loaded.policy)
    await metrics.follow(loaded.policy)
    this.#loaded = loaded
    this.#hasLooked = true
    for (const warning of loaded.warnings) log.warn(warning)
    for (const domain of this.#prepared) {
      if (domain.status === 'failed') log.error(`domain ${domain.domain} could not be started: ${domain.message}`)
      if (domain.status === 'outside') log.warn(`domain ${domain.domain}: ${domain.message}`)
    }
    return this.#putBackOthers()
  }

  /** What Reeve no longer manages goes back as it was found, or it would go on weighing on those that it does. */
  async #putBackOthers(): Promise<string[]> {
    return this.#paused ? [] : this.#others.putBack(this.#loaded.policy)
  }

  /** Takes back what somebody else set of one domain. @throws {NotSeen} where no such domain runs. */
  reclaim(domain: string): void {
    const known = this.domains.find(({ name }) => name === domain)
    if (known === undefined) {
      const names = this.domains.map(({ name }) => name).join(', ')
      throw new NotSeen(
        `no domain ${JSON.stringify(domain)} runs here; ${names === '' ? 'none does' : `those that do: ${names}`}`,
      )
    }
    this.#reclaimed = [...this.#reclaimed, known.name]
  }

  pause(): void {
    this.#setPaused(true)
  }

  /** Manages again after a pause or a release, and takes back what somebody else set meanwhile. */
  resume(): void {
    this.#setPaused(false)
    this.#reclaimed = (this.#last?.decision.drift ?? []).map(({ domain }) => domain)
    this.#alone(() => this.#putBackOthers()).catch((error: unknown) => this.#parts.log.warn(reasonOf(error)))
  }

  /** On record too: a restart must not resume what an operator paused. */
  #setPaused(paused: boolean): void {
    this.#paused = paused
    this.#parts.recorder.wish('paused', paused)
    this.#parts.log.info(paused ? 'paused: everything is decided and nothing is changed' : 'resumed')
  }

  /** @throws {UnknownEvent} where no goal waits for it. */
  event(name: string, seconds: number): EventReport {
    const endsUtcMs = this.#events.begin(name, seconds, this.#loaded.policy, this.#parts.clock.now(NO_WINDOWS).utcMs)
    return { event: name, endsUtcMs }
  }

  /** Puts back what was found, and pauses: the next turn would set everything anew. */
  async release(): Promise<ReleaseReport> {
    this.#refuseWhenClosed()
    this.#setPaused(true)
    return this.#alone(() => this.#release(this.#parts.originals.all()))
  }

  /**
   * The next turn hears that what Reeve had set is not in force, or it would take it for somebody else's doing. What
   * could not be put back is Reeve's still.
   */
  #release(settings: readonly RememberedSetting[]): Promise<ReleaseReport> {
    const { originals, driver } = this.#parts
    return releaseSettings(
      settings,
      (kind) => driver.of(kind),
      this.#parts,
      (setting) => {
        const undone: Outcome = { status: 'given-up', node: setting.node, knob: setting.knob }
        this.#carried = { ...this.#carried, outcomes: [...this.#carried.outcomes, undone] }
        originals.forget(setting)
      },
    )
  }

  status(): Status {
    const { recorder, journalPath, metrics, driver, driverKinds } = this.#parts
    return statusOf({
      version: VERSION,
      host: this.#host,
      paused: this.#paused,
      loaded: this.#loaded,
      refused: this.#refused,
      last: this.#last,
      cpuMs: this.#last?.cpuMs ?? 0,
      problems: { journal: recorder.problem, turn: this.#problem },
      journal: recorder.journal,
      journalPath,
      metrics: { ...metrics.tally, problems: [...metrics.problems()] },
      drivers: driverKinds,
      capabilities: driver.capabilities,
      prepared: this.#prepared,
    })
  }

  /** Resolves when no turn, reload or release is under way any more; none is begun after that. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#queue
  }

  /** One after the other, turns too. */
  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#refuseWhenClosed()
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => undefined)
    return result
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new Error('the daemon ends')
  }
}
