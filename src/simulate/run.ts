import { decide } from '#core/decide.ts'
import { NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import type { Policy } from '#core/model/policy.ts'
import { cpuList } from '#core/place.ts'
import { CHANGE_MS_MAX } from '#daemon/apply.ts'
import { Control } from '#daemon/control.ts'
import { createVolatileJournal } from '#daemon/journal/volatile.ts'
import type { Log } from '#daemon/log.ts'
import { startLoop } from '#daemon/loop.ts'
import { createMetrics } from '#daemon/metrics.ts'
import { Originals } from '#daemon/originals.ts'
import { Recorder } from '#daemon/recorder.ts'
import { watchWindows } from '#daemon/windows.ts'
import { composeDrivers } from '#drivers/compose.ts'
import { drawFaults, type Fault } from '#drivers/simulator/fault.ts'
import type { SimulatedMetric } from '#drivers/simulator/metrics.ts'
import { createSimulator, type Simulator } from '#drivers/simulator/simulator.ts'
import { policyHash } from '#policy/hash.ts'
import type { Fault as TextFault } from '#policy/parse.ts'
import { factorOf } from './check.ts'
import { Measurement } from './measure.ts'
import { played } from './played.ts'
import type { RunReport, SimulationReport } from './report.ts'
import type { Scenario } from './scenario.ts'
import { changeOf, isNearly, loadBefore, loadOver } from './shape.ts'

/** Only the last second of a domain is ever looked at. */
const WINDOWS_KEPT = 1

export interface SimulateOptions {
  /** Instead of the scenario's own. */
  readonly seed?: number
  /** Also without Reeve. */
  readonly compare?: boolean
  /** Told the part that is done, 0..1, after each hundredth. */
  readonly onProgress?: (part: number) => void
}

/** Plays a scenario to its end. The same scenario and seed give the same report, bit for bit. */
export async function simulate(
  scenario: Scenario,
  warnings: readonly TextFault[],
  { seed = scenario.host.seed, compare = false, onProgress = () => {} }: SimulateOptions = {},
): Promise<SimulationReport> {
  const { host, policy } = scenario
  const runs = compare ? 2 : 1
  const partOf = (run: number) => (part: number) => onProgress((run + part) / runs)
  const managed = await playManaged(scenario, seed, partOf(0))
  return {
    scenario: scenario.file,
    policy: policy.file,
    seed,
    seconds: host.durationMs / 1000,
    startUtcMs: host.startUtcMs,
    cpus: host.cpus,
    memory: host.memory,
    warnings,
    notes: notesOf(policy.policy),
    managed,
    unmanaged: compare ? playUnmanaged(scenario, seed, partOf(1)) : null,
  }
}

function notesOf({ host, domains, goals }: Policy): string[] {
  const modes = new Set(domains.map(({ mode }) => mode ?? host.mode))
  const isWaiting = goals.some(({ conditions }) => conditions.some(({ kind }) => kind === 'event'))
  return [
    ...(modes.has('advise') ? ['what the policy only advises (`mode: advise`) is played as if it managed'] : []),
    ...(modes.has('observe') ? ['what the policy only observes (`mode: observe`) is never changed'] : []),
    ...(isWaiting ? ['goals that wait for an event never count: scenarios have none'] : []),
  ]
}

/** The daemon's own turns and loop on the simulated host. What it would record is kept nowhere: nobody asks for it. */
async function playManaged(scenario: Scenario, seed: number, onProgress: (part: number) => void): Promise<RunReport> {
  const { durationMs } = scenario.host
  const { file, text } = scenario.policy
  const policy = played(scenario.policy.policy)
  const { sim, measurement } = stage(scenario, policy, seed, onProgress)
  const said = new Set<string>()
  const log: Log = { info() {}, warn: (line) => void said.add(line), error: (line) => void said.add(line) }
  const stopping = new AbortController()
  const recorder = new Recorder(createVolatileJournal(), log)
  const metrics = createMetrics(sim.clock, [sim.metrics], log)
  const control = new Control(
    {
      policyFile: null,
      decide,
      driver: composeDrivers([sim.driver]),
      driverKinds: [sim.driver.kind],
      clock: sim.clock,
      metrics,
      recorder,
      originals: new Originals(recorder),
      journalPath: '',
      deadlineMs: CHANGE_MS_MAX,
      stopping: stopping.signal,
      log,
      // Nobody reports it: the same scenario is to give the same.
      usedCpuMs: () => 0,
    },
    { policy, file, text, hash: policyHash(text), warnings: [] },
    { knowledge: NO_KNOWLEDGE, outcomes: [] },
  )
  await control.prepare()
  control.onTurn((turn) => measurement.turn(turn))
  // Asleep before the loop is, so it wakes before the turn of that time.
  const ending = sim.clock.sleepUntil(durationMs, stopping.signal)
  const loop = startLoop(
    sim.clock,
    () => control.intervalMs,
    () => control.turn(),
  )
  await ending
  const report = measurement.report([...said])
  await loop.stop()
  await metrics.close()
  return report
}

function playUnmanaged(scenario: Scenario, seed: number, onProgress: (part: number) => void): RunReport {
  const { sim, measurement } = stage(scenario, played(scenario.policy.policy), seed, onProgress)
  sim.advance(scenario.host.durationMs)
  return measurement.report([])
}

/** The simulated host with its loads as they change, and somebody who watches. */
function stage(scenario: Scenario, policy: Policy, seed: number, onProgress: (part: number) => void) {
  const { host, domains } = scenario
  const sim = createSimulator({
    cpus: host.cpus,
    ...(host.hardware === null ? {} : { hardware: host.hardware }),
    memory: host.memory,
    seed,
    unmanagedMilli: host.unmanagedMilli,
    noise: host.noise,
    startUtcMs: host.startUtcMs,
    windowsMost: WINDOWS_KEPT,
    calendar: watchWindows,
    domains: domains.map(({ name, load, weight, memory, cpus }) => ({
      name,
      load,
      ...(weight === null ? {} : { weight }),
      ...(memory === null ? {} : { memory }),
      ...(cpus === null ? {} : { cpus: cpuList(cpus) }),
    })),
    metrics: metricsOf(scenario, policy),
    faults: [...scenario.faults, ...drawnFaults(scenario, seed)],
  })
  const measurement = new Measurement(sim, scenario, policy)
  const follow = followLoads(sim, scenario, seed)
  const each = Math.max(1000, host.durationMs / 100)
  let doneMs = 0
  let toldMs = 0
  follow(0)
  sim.onWindow(() => {
    doneMs += 1000
    measurement.second()
    follow(doneMs)
    if (doneMs - toldMs < each) return
    toldMs = doneMs
    onProgress(doneMs / host.durationMs)
  })
  return { sim, measurement }
}

/** Sets every load as it is at a time. */
function followLoads(sim: Simulator, { host, domains }: Scenario, seed: number): (timeMs: number) => void {
  const followed = domains
    .filter(({ changes }) => changes.length > 0)
    .map((domain) => ({ domain, at: loadOver(domain, { ...host, seed }), now: loadBefore(domain) }))
  return (timeMs) => {
    for (const its of followed) {
      const { name, load } = its.domain
      const next = its.at(timeMs)
      if (isNearly(its.now, next)) continue
      const change = changeOf(load, its.now, next)
      if (next.memory !== null && next.memory !== its.now.memory) sim.hold(name, next.memory)
      its.now = next
      if (change !== null) sim.set(name, change)
    }
  }
}

function metricsOf({ domains }: Scenario, policy: Policy): Record<string, SimulatedMetric[]> {
  const all: Record<string, SimulatedMetric[]> = {}
  for (const domain of domains) {
    for (const [metric, what] of Object.entries(domain.metrics)) {
      const its = policy.metrics.find(({ name }) => name === metric)
      const factor = its === undefined ? 1 : (factorOf(its, what) ?? 1)
      all[metric] = [...(all[metric] ?? []), { domain: domain.name, what, factor }]
    }
  }
  return all
}

/** Faults by chance, of domains that there are and metrics of which there are readings. */
export function drawnFaults({ host, domains, policy, faultsPerMinute }: Scenario, seed: number): Fault[] {
  if (faultsPerMinute === 0) return []
  return drawFaults({
    seed,
    durationMs: host.durationMs,
    perMinute: faultsPerMinute,
    cpus: host.cpus,
    domains: domains.map(({ name }) => name),
    metrics: policy.policy.metrics
      .filter(({ name, source }) => source.kind !== 'counter' && domains.some(({ metrics }) => name in metrics))
      .map(({ name }) => name),
  })
}
