import { join, resolve } from 'node:path'
import type { ReleaseReport, ReloadResult, Status } from '#api/contract.ts'
import { serveApi } from '#api/server.ts'
import { decide } from '#core/decide.ts'
import { type ComposedDriver, composeDrivers } from '#drivers/compose.ts'
import type { Clock, Driver, MetricSource } from '#ports.ts'
import { CHANGE_MS_MAX } from './apply.ts'
import { Control, type TurnSummary } from './control.ts'
import { earlyTurns } from './early-turns.ts'
import { apiHandlers } from './handlers.ts'
import { type JournalLimits, openJournal } from './journal/journal.ts'
import { journalPath } from './journal/reader.ts'
import { type LoadedPolicy, loadPolicy } from './load.ts'
import { takeLock } from './lock.ts'
import type { Log } from './log.ts'
import { type Loop, startLoop } from './loop.ts'
import { createMetrics } from './metrics.ts'
import { Originals } from './originals.ts'
import { makeOpenDir, makePrivateDir } from './private.ts'
import { Recorder } from './recorder.ts'
import { recover } from './recover.ts'

export interface DaemonOptions {
  /** Read again by `reload`; without one only a text can be reloaded. */
  readonly policyFile?: string
  readonly policyText: string
  readonly stateDir: string
  /** Where the sockets are made. */
  readonly runDir: string
  /** Name of the control socket where it is not `runDir/control.sock`. */
  readonly socketPath?: string
  /** Stay with whoever made them: `stop` does not close them. */
  readonly drivers: readonly Driver[]
  readonly clock: Clock
  /** Sources beyond those that a policy can name; they too stay with whoever made them. */
  readonly metrics?: readonly MetricSource[]
  readonly log: Log
  /** Daemons with the same lock refuse each other; those that manage the same host must have the same. */
  readonly lockFile?: string
  readonly journal?: Partial<JournalLimits>
  /** How long one change may take. */
  readonly deadlineMs?: number
}

export interface Daemon {
  readonly socketPath: string
  /** Where processes inside domains may push readings. */
  readonly metricsSocketPath: string
  status(): Status
  /** Of a text where one is given; `file` is its name, for people. */
  reload(text?: string, file?: string): Promise<ReloadResult>
  pause(): void
  resume(): void
  /** Puts back every setting that was remembered, and pauses. */
  release(): Promise<ReleaseReport>
  onTurn(listener: (turn: TurnSummary) => void): () => void
  /** Begins an event of so many seconds, for goals that count only then; 0 ends it. Throws where none waits for it. */
  event(name: string, seconds: number): void
  /** Ends after what is under way or was asked for before. Settings stay as they are: the last allocation stands. */
  stop(): Promise<void>
}

/** A policy that the daemon cannot start with. */
export class PolicyRefused extends Error {
  override readonly name = 'PolicyRefused'
  readonly kind: 'malformed' | 'infeasible'
  readonly faults: readonly string[]

  constructor(kind: 'malformed' | 'infeasible', faults: readonly string[]) {
    super(`the policy is ${kind}:\n${faults.join('\n')}`)
    this.kind = kind
    this.faults = faults
  }
}

/** What has to be ended, in the order in which it was begun. */
type Endings = (() => unknown)[]

/** Puts a daemon together and starts its loop. Nothing here ends the process: it may be part of a larger one. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const loading = loadPolicy(
    options.policyText,
    options.policyFile ?? null,
    options.drivers.map(({ kind }) => kind),
  )
  if (!loading.ok) throw new PolicyRefused(loading.kind, loading.faults)
  const endings: Endings = []
  try {
    return await begin(options, loading.loaded, endings)
  } catch (error) {
    await end(endings)
    throw error
  }
}

async function begin(options: DaemonOptions, loaded: LoadedPolicy, endings: Endings): Promise<Daemon> {
  const { clock, log, runDir, stateDir } = options
  // The locks come first: a daemon that is refused leaves nothing behind.
  hold(options.lockFile ?? join(runDir, 'daemon.lock'), endings)
  // Anybody may reach the socket for readings, so a directory for both stays open, and only its files are private.
  if (resolve(stateDir) !== resolve(runDir)) makePrivateDir(stateDir)
  hold(join(stateDir, 'journal.lock'), endings)
  makeOpenDir(runDir)
  const journal = openJournal(stateDir, options.journal)
  endings.push(() => journal.close())
  const recovered = recover(journal)
  if (recovered.problem !== null) log.warn(recovered.problem)

  const metrics = createMetrics(clock, options.metrics ?? [], log)
  endings.push(() => metrics.close())
  const recorder = new Recorder(journal, log)
  const stopping = new AbortController()
  const driver = composeDrivers(options.drivers)
  const control = new Control(
    {
      policyFile: options.policyFile ?? null,
      decide,
      driver,
      driverKinds: options.drivers.map(({ kind }) => kind),
      clock,
      metrics,
      recorder,
      originals: new Originals(recorder),
      journalPath: journalPath(stateDir),
      deadlineMs: options.deadlineMs ?? CHANGE_MS_MAX,
      stopping: stopping.signal,
      log,
      usedCpuMs,
    },
    loaded,
    recovered,
  )
  endings.push(() => control.close())
  await control.prepare()

  const socketPath = options.socketPath ?? join(runDir, 'control.sock')
  const metricsSocketPath = join(runDir, 'metrics.sock')
  const loop = { wake: () => {} }
  const api = await serveApi(
    apiHandlers(control, journal, metrics, () => loop.wake()),
    {
      controlPath: socketPath,
      metricsPath: metricsSocketPath,
    },
  )
  endings.push(() => api.close())
  const running = startLoop(
    clock,
    () => control.intervalMs,
    () => control.turn(),
  )
  loop.wake = running.wake
  endings.push(hearEvents(driver, control, running))
  endings.push(() => {
    stopping.abort()
    return running.stop()
  })
  log.info(
    `managing with policy ${loaded.hash.slice(0, 12)}, mode ${loaded.policy.host.mode}, control at ${socketPath}`,
  )

  return {
    socketPath,
    metricsSocketPath,
    status: () => control.status(),
    reload: (text, file) => control.reload(text, file),
    pause: () => control.pause(),
    resume: () => control.resume(),
    release: () => control.release(),
    onTurn: (listener) => control.onTurn(listener),
    event: (name, seconds) => void control.event(name, seconds),
    stop: () => end(endings),
  }
}

/** What drivers hear of is looked at soon. Returns how to stop that. */
function hearEvents(driver: ComposedDriver, control: Control, loop: Loop): () => void {
  const early = earlyTurns(
    () => control.intervalMs,
    () => void control.look().then(() => loop.wake()),
  )
  const stop = driver.onEvent?.(early.hear)
  return () => {
    stop?.()
    early.stop()
  }
}

function usedCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function hold(path: string, endings: Endings): void {
  const lock = takeLock(path)
  endings.push(() => lock.release())
}

/** The last that was begun is the first that ends. What was ended already is not ended again. */
async function end(endings: Endings): Promise<void> {
  for (let step = endings.pop(); step !== undefined; step = endings.pop()) await step()
}
