import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { status as statusShape } from '#api/contract.ts'
import { renderStatus } from '#cli/render/status.ts'
import { type Decide, decide } from '#core/decide.ts'
import type { DomainName, NodeId } from '#core/model/ids.ts'
import { CHANGE_MS_MAX } from '#daemon/apply.ts'
import { Control } from '#daemon/control.ts'
import { openJournal } from '#daemon/journal/journal.ts'
import type { LoopJournal } from '#daemon/journal/volatile.ts'
import { type LoadedPolicy, loadPolicy } from '#daemon/load.ts'
import { SILENT } from '#daemon/log.ts'
import { type Loop, startLoop } from '#daemon/loop.ts'
import { createMetrics } from '#daemon/metrics.ts'
import { Originals } from '#daemon/originals.ts'
import { Recorder } from '#daemon/recorder.ts'
import { recover } from '#daemon/recover.ts'
import { composeDrivers } from '#drivers/compose.ts'
import { createSimulator, type Simulator } from '#drivers/simulator/simulator.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Clock, Driver, MetricSource } from '#ports.ts'
import { atTheEnd, reloaded } from './at-the-end.ts'
import { type Chance, chanceOf } from './chance.ts'
import { type DrawnHost, drawHardware, drawHost, withTraffic } from './draw-host.ts'
import { drawPolicy, EVENT } from './draw-policy.ts'
import { drawRhythm, type Rhythm, rhythmGoals } from './draw-rhythm.ts'
import { drawStory, type Event, type Story } from './draw-story.ts'
import { faultyClock } from './faulty-clock.ts'
import { FaultyDriver, SLOW_MS } from './faulty-driver.ts'
import { faultyJournal } from './faulty-journal.ts'
import { faultyMetrics } from './faulty-metrics.ts'
import { Hands } from './hands.ts'
import { clockFor, driverFor, journalFor } from './in-life.ts'
import { Life } from './life.ts'
import { type Failure, Watch } from './watch.ts'

/** A fault that is planted in Reeve itself: each part wraps one thing that the loop is made of. */
export interface Bug {
  readonly decide?: (decide: Decide) => Decide
  readonly driver?: (driver: Driver) => Driver
  readonly journal?: (journal: LoopJournal) => LoopJournal
  readonly metrics?: (metrics: MetricSource) => MetricSource
  readonly clock?: (clock: Clock) => Clock
  readonly originals?: (recorder: Recorder) => Originals
}

export interface Played {
  readonly seed: number
  readonly failures: readonly Failure[]
  readonly turns: number
}

/** In memory where there is such a place: nothing of it is to outlive the run. */
const STATE_ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
/** Simulated time after which nobody waits for the daemon any more. */
const PATIENCE_MS = 120_000
/** A status is described every so many turns. */
const DESCRIBED_EVERY = 7

/** Plays the run of one seed; `tell` hears everything that happens, a line each. The same seed gives the same, whatever ran before it. */
export async function play(seed: number, bug: Bug = {}, tell: (line: string) => void = () => {}): Promise<Played> {
  const run = new Run(seed, bug, tell)
  try {
    return await run.play()
  } catch (cause) {
    throw new Error(`seed ${seed} cannot be played: ${reasonOf(cause)}`, { cause })
  } finally {
    run.close()
  }
}

interface Daemon {
  readonly life: Life
  readonly control: Control
  readonly journal: ReturnType<typeof openJournal>
  loop: Loop | null
}

class Run {
  readonly #seed: number
  readonly #bug: Bug
  readonly #dir = mkdtempSync(join(STATE_ROOT, 'reeve-simulation-'))
  readonly #host: DrawnHost
  readonly #rhythm: Rhythm | null
  readonly #story: Story
  readonly #policies: readonly [LoadedPolicy, LoadedPolicy]
  readonly #sim: Simulator
  readonly #hands: Hands
  readonly #watch: Watch
  readonly #driver: FaultyDriver
  readonly #checkpointEvery: number
  #daemon: Daemon | null = null
  #turns = 0

  constructor(seed: number, bug: Bug, tell: (line: string) => void) {
    this.#seed = seed
    this.#bug = bug
    const host = withTraffic(this.#chance('traffic'), drawHost(this.#chance('host')))
    const hardware = drawHardware(this.#chance('hardware'), host.cpus)
    this.#host = { ...host, ...(hardware !== undefined && { hardware }) }
    this.#rhythm = drawRhythm(this.#chance('rhythm'), this.#host)
    this.#story = drawStory(this.#chance('story'), this.#chance('beyond the story'), this.#host, this.#rhythm)
    this.#policies = [this.#loaded('first policy'), this.#loaded('second policy')]
    this.#checkpointEvery = this.#chance('journal').between(1, 30)
    this.#sim = createSimulator({ ...this.#host, seed, noise: 0.05, windowsMost: 1, metrics: metricsOf(this.#host) })
    this.#hands = new Hands(this.#sim.clock)
    const intervalMs = Math.max(...this.#policies.map(({ policy }) => policy.host.intervalMs))
    this.#watch = new Watch({
      hands: this.#hands,
      policyOf: (hash, text) => this.#policies.find((its) => its.hash === hash)?.policy ?? loaded(text).policy,
      // A turn that was not made waits for the next beat, after the one that it missed.
      tell,
      silenceMsMost: 2 * intervalMs + CHANGE_MS_MAX + SLOW_MS + 2 * this.#story.latenessMs,
    })
    this.#watch.look = (node, knob) => this.#sim.driver.read(node, knob)
    this.#driver = new FaultyDriver(
      this.#sim.driver,
      this.#story.driverFaults,
      this.#chance('driver'),
      this.#hands,
      (write) => this.#watch.wrote(write),
    )
    const domainsLater = this.#chance('later')
    for (const { name } of this.#host.domains) {
      if (!domainsLater.happens(0.1)) continue
      this.#sim.plant({ kind: 'vanish', domain: name, atMs: 0, backAtMs: domainsLater.between(1, 40_000) })
    }
  }

  #chance(concern: string): Chance {
    return chanceOf(this.#seed, concern)
  }

  #loaded(concern: string): LoadedPolicy {
    const wanted = this.#rhythm === null ? [] : rhythmGoals(this.#rhythm)
    const [chance, beyond] = [this.#chance(concern), this.#chance(`beyond the ${concern}`)]
    return loaded(drawPolicy({ chance, beyond, wanted }, this.#host))
  }

  async play(): Promise<Played> {
    const { events, quietMs, endMs } = this.#story
    await this.#start(this.#policies[0])
    for (const event of events.filter(({ atMs }) => atMs <= quietMs)) {
      await this.#hands.sleepUntil(event.atMs)
      await this.#happen(event)
    }
    await this.#hands.sleepUntil(Math.max(endMs, this.#hands.nowMs + endMs - quietMs))
    const { control, loop, journal } = this.#daemon as Daemon
    this.#describe(control)
    const { ledger } = this.#watch
    const other = this.#policies.find(({ text }) => text !== journal.lastPolicyText())
    const reload =
      other === undefined || control.isPaused
        ? null
        : await this.#inTime(reloaded(other, control, ledger, this.#sim.driver))
    const before = new Map(ledger.knobs)
    const report = await this.#inTime(control.release())
    if (report === null) return { seed: this.#seed, failures: this.#watch.failures, turns: this.#turns }
    await this.#inTime(loop?.stop() ?? Promise.resolve())
    const failed = await atTheEnd({ report, before, reload, ledger, driver: this.#sim.driver, journal })
    for (const { property, message } of failed) this.#watch.fail(property, message)
    return { seed: this.#seed, failures: this.#watch.failures, turns: this.#turns }
  }

  close(): void {
    this.#daemon?.life.end()
    this.#daemon?.journal.close()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  /** Starts the daemon as `startDaemon` does, without sockets and locks; it may die on the way. */
  async #start(policy: LoadedPolicy): Promise<void> {
    const life = new Life()
    this.#watch.begins()
    const journal = openJournal(this.#dir, { checkpointEvery: this.#checkpointEvery })
    const recovered = recover(journal)
    const wrap = this.#bug
    const recorder = new Recorder(this.#journalFor(life, journal), SILENT)
    const clock = clockFor(life, this.#clock())
    const metrics = createMetrics(clock, [this.#metrics()], SILENT)
    const control = new Control(
      {
        policyFile: null,
        decide: (wrap.decide ?? same)(decide),
        driver: composeDrivers([driverFor(life, (wrap.driver ?? same)(this.#watch.driver(this.#driver)))]),
        driverKinds: [this.#driver.kind],
        clock,
        metrics,
        recorder,
        originals: wrap.originals?.(recorder) ?? new Originals(recorder),
        journalPath: '',
        deadlineMs: CHANGE_MS_MAX,
        stopping: new AbortController().signal,
        log: SILENT,
        usedCpuMs: () => 0,
      },
      policy,
      recovered,
    )
    const daemon: Daemon = { life, control, journal, loop: null }
    this.#daemon = daemon
    control.onTurn(({ turn }) => {
      this.#turns++
      if (turn % DESCRIBED_EVERY === 0 && !life.isOver) this.#describe(control)
    })
    await Promise.race([control.prepare(), life.ended])
    if (life.isOver) return
    daemon.loop = startLoop(
      clock,
      () => control.intervalMs,
      () => control.turn(),
    )
  }

  #clock(): Clock {
    return (this.#bug.clock ?? same)(faultyClock(this.#sim.clock, this.#hands, this.#chance('clock'), this.#story))
  }

  #metrics(): MetricSource {
    const faulty = faultyMetrics(this.#sim.metrics, this.#story.metricFaults, this.#hands)
    return (this.#bug.metrics ?? same)(this.#watch.metrics(faulty))
  }

  #journalFor(life: Life, journal: LoopJournal): LoopJournal {
    const { journalFaults } = this.#story
    const faulty = faultyJournal(journal, journalFaults, this.#hands, this.#chance('journal'))
    const watched = (this.#bug.journal ?? same)(this.#watch.journal(faulty))
    return journalFor(life, watched)
  }

  /** SEMANTICS "Identity and versions", API contract: what is going on can be told at any time. */
  #describe(control: Control): void {
    try {
      const described = statusShape.parse(control.status())
      if (renderStatus(described).length === 0) this.#watch.fail('describesItself', 'the status is empty')
    } catch (error) {
      this.#watch.fail('describesItself', `${error}`)
    }
  }

  async #happen(event: Event): Promise<void> {
    const control = (this.#daemon as Daemon).control
    this.#watch.tell(JSON.stringify(event))
    switch (event.kind) {
      case 'load':
        return this.#sim.set(event.domain, event.change)
      case 'hold':
        return this.#sim.hold(event.domain, event.bytes)
      case 'vanish': {
        const { domain, backAtMs, afterLook, atMs } = event
        return this.#sim.plant({ kind: 'vanish', domain, atMs, afterLook, ...(backAtMs !== null && { backAtMs }) })
      }
      case 'cpus':
        return this.#sim.plant({
          kind: 'cpus',
          online: Array.from({ length: event.count }, (_, cpu) => cpu),
          atMs: event.atMs,
        })
      case 'stranger':
        return this.#driver.strange(`/${event.domain}` as NodeId, event.knob, event.to)
      case 'reload':
        // Whoever asks may wait for a turn that is under way, or die with it.
        return void control.reload(event.policy === 'malformed' ? 'host: [' : this.#textOf(event.policy), 'policy')
      case 'pause':
        return control.pause()
      case 'resume':
        return control.resume()
      case 'release':
        return void control.release()
      case 'reclaim':
        if (control.domains.some(({ name }) => name === event.domain)) control.reclaim(event.domain as DomainName)
        return
      case 'event':
        try {
          control.event(EVENT, event.seconds)
        } catch {
          // No goal waits for it.
        }
        return
      case 'utc':
        this.#hands.utcShiftMs += event.jumpMs
        return
      case 'kill':
        return this.#restart(event.steps, event.downMs)
      case 'reboot':
        return this.#reboot(event.atMs, event.downMs)
    }
  }

  /** Waits for the daemon, but not for ever; null where it did not come. */
  async #inTime<Result>(work: Promise<Result>): Promise<Result | null> {
    const isOver = Symbol('over')
    const first = await Promise.race([work, this.#hands.sleep(PATIENCE_MS).then(() => isOver)])
    if (first !== isOver) return first as Result
    this.#watch.fail('goesOn', `the daemon did nothing for ${PATIENCE_MS} ms`)
    return null
  }

  #textOf(policy: 'first' | 'second'): string {
    return this.#policies[policy === 'first' ? 0 : 1].text
  }

  /** The daemon dies at one of its next steps, and another takes its place by the policy on record. */
  async #restart(steps: number, downMs: number): Promise<void> {
    const { life } = this.#daemon as Daemon
    life.endAfter(steps)
    await this.#inTime(life.ended)
    life.end()
    await this.#afterDeath(downMs)
  }

  async #afterDeath(downMs: number): Promise<void> {
    const { journal } = this.#daemon as Daemon
    const text = journal.lastPolicyText()
    journal.close()
    await this.#hands.sleep(downMs)
    await this.#start(this.#policies.find((its) => its.text === text) ?? this.#policies[0])
  }

  async #reboot(atMs: number, downMs: number): Promise<void> {
    const { life } = this.#daemon as Daemon
    life.end()
    for (const { name } of this.#host.domains) {
      this.#sim.plant({ kind: 'vanish', domain: name, atMs, backAtMs: atMs + downMs })
    }
    await this.#hands.sleep(1)
    this.#hands.reboot()
    await this.#afterDeath(downMs)
  }
}

const same = <Its>(its: Its): Its => its

function loaded(text: string): LoadedPolicy {
  const loading = loadPolicy(text, 'policy', ['simulator'])
  if (!loading.ok) throw new Error(`a policy was drawn that is ${loading.kind}: ${loading.faults.join('\n')}\n${text}`)
  return loading.loaded
}

function metricsOf({ domains }: DrawnHost) {
  const services = domains.filter(({ load }) => load.kind !== 'batch')
  return Object.fromEntries(
    services.flatMap(({ name }) => [
      [`${name}-p95`, { domain: name, what: 'p95' }] as const,
      [`${name}-rate`, { domain: name, what: 'throughput' }] as const,
    ]),
  )
}
