/**
 * `day-host.ts HOURS`: the daemon as it is, its journal included, over 50 computed machines at one turn a second, whose
 * loads change through the day and which come and go. Prints its memory after collecting garbage, 24 times on the way.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { journalPath } from '#daemon/journal/reader.ts'
import { SILENT } from '#daemon/log.ts'
import { startDaemon } from '#daemon/main.ts'
import type { DomainOptions } from '#drivers/simulator/domain.ts'
import { createSimulator, type Simulator } from '#drivers/simulator/simulator.ts'

const MACHINES = 50
const CPUS = 32
const SAMPLES = 24
const HOUR_MS = 3_600_000
/** One machine ends this often, and is back after a tenth of that time. */
const RESTART_EVERY_MS = 300_000
/** Every fifth machine never has enough; every tenth has clients that wait for their answers. */
const BATCH_EVERY = 5
const MEASURED_EVERY = 10

export interface DayFigures {
  readonly turns: number
  readonly wallMs: number
  /** The median of single turns, the simulation left out. */
  readonly turnCpuMs: number
  /** Bytes at each twenty-fourth of the time. */
  readonly heap: readonly number[]
  readonly rss: readonly number[]
  readonly journal: readonly number[]
  readonly changes: number
  readonly turnsNotRecorded: number
}

async function main(hours: number): Promise<DayFigures> {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-day-'))
  const lengthMs = hours * HOUR_MS
  const sim = createSimulator({
    cpus: CPUS,
    seed: 1,
    memory: 64 * 1024 ** 3,
    windowsMost: 60,
    domains: Array.from({ length: MACHINES }, (_, i) => machine(i)),
    metrics: Object.fromEntries(measured().map((name) => [`${name}-p95`, { domain: name, what: 'p95' as const }])),
    faults: Array.from({ length: Math.floor(lengthMs / RESTART_EVERY_MS) }, (_, i) => ({
      kind: 'vanish' as const,
      domain: nameOf((i * 7) % MACHINES),
      atMs: (i + 0.5) * RESTART_EVERY_MS,
      backAtMs: (i + 0.6) * RESTART_EVERY_MS,
    })),
  })
  try {
    return await play(sim, dir, lengthMs)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

async function play(sim: Simulator, dir: string, lengthMs: number): Promise<DayFigures> {
  const startedMs = performance.now()
  const figures = { heap: [] as number[], rss: [] as number[], journal: [] as number[] }
  const counts = { turns: 0, changes: 0, turnsNotRecorded: 0 }
  const cpuMs = new Float64Array(Math.ceil(lengthMs / 1000) + 1)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const daemon = await startDaemon({
    policyText: policyText(),
    stateDir: dir,
    runDir: dir,
    drivers: [sim.driver],
    clock: sim.clock,
    metrics: [sim.metrics],
    log: { ...SILENT, error: (message) => reject(new Error(message)) },
  })
  daemon.onTurn(({ observation, decision, isRecorded, cpuMs: spentMs }) => {
    const { monotonicMs } = observation.at
    cpuMs[counts.turns++] = spentMs
    counts.changes += decision.plan.length
    if (!isRecorded) counts.turnsNotRecorded++
    if (monotonicMs % 60_000 === 0) changeLoads(sim, monotonicMs)
    if (monotonicMs < ((figures.heap.length + 1) * lengthMs) / SAMPLES) return
    globalThis.gc?.()
    const { heapUsed, rss } = process.memoryUsage()
    figures.heap.push(heapUsed)
    figures.rss.push(rss)
    figures.journal.push(statSync(journalPath(dir)).size)
    process.stderr.write(`${figures.heap.length} of ${SAMPLES}: heap ${(heapUsed / 2 ** 20).toFixed(1)} MiB\n`)
    if (figures.heap.length === SAMPLES) resolve()
  })
  await promise
  const wallMs = performance.now() - startedMs
  await daemon.stop()
  return {
    ...counts,
    ...figures,
    wallMs,
    turnCpuMs: cpuMs.subarray(0, counts.turns).toSorted()[counts.turns >> 1] ?? 0,
  }
}

function nameOf(index: number): string {
  return `vm-${index}`
}

function measured(): string[] {
  return Array.from({ length: MACHINES / MEASURED_EVERY }, (_, i) => nameOf(i * MEASURED_EVERY + 1))
}

function machine(index: number): DomainOptions {
  const name = nameOf(index)
  if (index % BATCH_EVERY === 0) return { name, load: { kind: 'batch', threads: 1 } }
  return { name, load: { kind: 'open', arrivalsPerSecond: 5, demandMs: 40, parallelism: 2, underwayMost: 50 } }
}

/** Busy at noon and quiet at midnight, each machine at an hour of its own. */
function changeLoads(sim: Simulator, nowMs: number): void {
  for (let i = 0; i < MACHINES; i++) {
    if (i % BATCH_EVERY === 0) continue
    const phase = (2 * Math.PI * nowMs) / (24 * HOUR_MS) + i
    sim.set(nameOf(i), { arrivalsPerSecond: 8 + 7 * Math.sin(phase) })
  }
}

function policyText(): string {
  const names = measured()
  const metrics = names.map((name) => `  ${name}-p95: { source: push, domain: ${name}, unit: ms }`)
  const goals = names.map(
    (name) => `  - { domain: ${name}, kind: performance, metric: ${name}-p95, below: 200ms, priority: 1 }`,
  )
  return [
    'apiVersion: reeve/v1',
    'host: { mode: manage, interval: 1s }',
    'metrics:',
    ...metrics,
    'domains:',
    ...names.map((name) => `  ${name}: { driver: simulator }`),
    '  vm-*: { driver: simulator }',
    'goals:',
    ...goals,
    '  - { domain: vm-*, kind: utilization, target: 75%, priority: 2 }',
    '',
  ].join('\n')
}

process.stdout.write(`${JSON.stringify(await main(Number(process.argv[2])))}\n`)
