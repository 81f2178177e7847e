/**
 * `turn-host.ts COUNT`: a daemon over COUNT real control groups with one busy task each, a tenth of whose allocations
 * change every turn, at one turn a second. Prints its own CPU per turn (observe, decide, journal, apply: everything)
 * and its memory, beside a loop that only reads the same files.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClock } from '#daemon/clock.ts'
import { SILENT } from '#daemon/log.ts'
import { startDaemon } from '#daemon/main.ts'
import { takePrecedence } from '#daemon/precedence.ts'
import { createCgroupDriver, sweep } from '#drivers/cgroup/driver.ts'
import { makeGroup, moveInto } from '#drivers/cgroup/groups.ts'
import { dirOf } from '#drivers/cgroup/layout.ts'
import { median } from './median.ts'

const ROOT = 'reeve-bench'
/** Turns in quick succession before the measured ones: a daemon runs for months, its first minute is not the rule. */
const WARM_UP = 400
const WARM_UP_INTERVAL_MS = 50
/** Turns of the measured pace that are not counted yet. */
const SETTLING = 5
const MEASURED = 40
/** A twentieth of the domains each: their second goal counts for one turn in as many, so that in every turn as many grow as shrink again. */
const GROUPS = 20
/** Millicores for all of them, of two CPUs; a domain's second goal asks for as much again. */
const WANTED = 1200

export interface TurnFigures {
  readonly cpuMs: number
  readonly changes: number
  readonly readingMs: number
  readonly rssBytes: number
}

async function main(count: number): Promise<TurnFigures> {
  const stateDir = mkdtempSync(join(tmpdir(), 'reeve-bench-'))
  await sweep(ROOT)
  const driver = await createCgroupDriver({ root: ROOT, outputDir: stateDir })
  const names = Array.from({ length: count }, (_, index) => `d${index}`)
  const paths = names.map((name) => `${driver.layout.rootPath}/${name}`)
  const tasks: ChildProcess[] = []
  try {
    for (const path of paths) {
      makeGroup(driver.layout, path)
      tasks.push(busyTask(driver.layout, path))
    }
    const readingMs = count === 0 ? 0 : reading(driver.layout, paths)
    await takePrecedence()
    const turns = await measure(driver, count, (intervalMs) => policyText(names, paths, intervalMs), stateDir)
    return { ...turns, readingMs, rssBytes: process.memoryUsage().rss }
  } finally {
    for (const task of tasks) task.kill('SIGKILL')
    await driver.close()
    await sweep(ROOT)
    rmSync(stateDir, { recursive: true })
  }
}

function busyTask(layout: Parameters<typeof moveInto>[0], path: string): ChildProcess {
  const task = spawn('/bin/sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' })
  if (task.pid !== undefined) moveInto(layout, path, task.pid)
  return task
}

function policyText(names: readonly string[], paths: readonly string[], intervalMs: number): string {
  const each = Math.floor(WANTED / names.length)
  const domains = names.map((name, index) => `  ${name}: { path: ${paths[index]} }`)
  const goals = names.flatMap((name, index) => [
    `  - { domain: ${name}, kind: fixed, amounts: { cpu: ${each}m }, priority: 1 }`,
    `  - { domain: ${name}, kind: fixed, amounts: { cpu: ${2 * each}m }, priority: 2, onEvent: e${index % GROUPS} }`,
  ])
  const lists = names.length === 0 ? ['domains: {}'] : ['domains:', ...domains, 'goals:', ...goals]
  return [
    'apiVersion: reeve/v1',
    `host: { mode: manage, interval: ${intervalMs}ms, cooldown: 0s, minimum: { cpu: 0m } }`,
    'resources: { cpu: { grain: 1m } }',
    ...lists,
    '',
  ].join('\n')
}

async function measure(
  driver: Awaited<ReturnType<typeof createCgroupDriver>>,
  count: number,
  policyOf: (intervalMs: number) => string,
  stateDir: string,
) {
  const daemon = await startDaemon({
    policyText: policyOf(WARM_UP_INTERVAL_MS),
    stateDir,
    runDir: stateDir,
    drivers: [driver],
    clock: createClock(),
    log: SILENT,
  })
  const cpuMs: number[] = []
  let changes = 0
  try {
    await new Promise<void>((resolve) => {
      let before = process.cpuUsage()
      daemon.onTurn(({ turn, decision }) => {
        const { user, system } = process.cpuUsage(before)
        if (count > 0) {
          daemon.event(`e${turn % GROUPS}`, 3600)
          daemon.event(`e${(turn + GROUPS - 1) % GROUPS}`, 0)
        }
        before = process.cpuUsage()
        if (turn === WARM_UP) void daemon.reload(policyOf(1000))
        if (turn <= WARM_UP + SETTLING) return
        cpuMs.push((user + system) / 1000)
        changes += decision.plan.length
        if (cpuMs.length === MEASURED) resolve()
      })
    })
  } finally {
    await daemon.stop()
  }
  return { cpuMs: median(cpuMs), changes: Math.round(changes / MEASURED) }
}

/** Three files of every group, with kept descriptors and one buffer: the least that looking can cost. */
function reading(layout: Parameters<typeof dirOf>[0], paths: readonly string[]): number {
  const files =
    layout.version === 2
      ? (['cpu/cpu.stat', 'cpu/cpu.max', 'memory/memory.current'] as const)
      : (['cpuacct/cpuacct.usage', 'cpu/cpu.stat', 'memory/memory.usage_in_bytes'] as const)
  const open = paths.flatMap((path) =>
    files.map((file) => {
      const [controller, name] = file.split('/') as ['cpu' | 'cpuacct' | 'memory', string]
      return openSync(join(dirOf(layout, controller, path) as string, name), 'r')
    }),
  )
  const buffer = Buffer.alloc(4096)
  const cpuMs: number[] = []
  for (let turn = 0; turn < MEASURED; turn++) {
    const before = process.cpuUsage()
    for (const descriptor of open) readSync(descriptor, buffer, 0, buffer.length, 0)
    const { user, system } = process.cpuUsage(before)
    cpuMs.push((user + system) / 1000)
  }
  for (const descriptor of open) closeSync(descriptor)
  return median(cpuMs)
}

process.stdout.write(`${JSON.stringify(await main(Number(process.argv[2])))}\n`)
