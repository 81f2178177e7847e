import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { ReleaseReport } from '#api/contract.ts'
import { sweep } from '#drivers/cgroup/driver.ts'
import { makeGroup, moveInto } from '#drivers/cgroup/groups.ts'
import { dirOf, findLayout, type Layout } from '#drivers/cgroup/layout.ts'
import { parseCpuList } from '#lib/cpu-list.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { reasonToSkip } from '../conformance/requirements.ts'
import { reeveIn, stop, until } from './reeve.ts'

/**
 * CPUs by what domains do, with a real disk: who computes is kept from the CPU that serves its interrupts. Only that,
 * because a plain machine has one cache and no choice of anything else.
 */

const ROOT = 'reeve-system-affinity'
/** On a disk, which what is temporary need not be. */
const dir = temporaryDirOfFile('affinity', '/var/tmp')
const { policyFile, reeve, ask, up } = reeveIn(dir)
/** From so many interrupts a second on Reeve keeps others off a CPU; asked for is plainly more, and plainly less. */
const BUSY = 1500
const QUIET = 500
/** Interrupts are counted every 10 s, less often where that takes long; what a domain does has to last. */
const LOOKS_S = 150

describe('affinity by activity', { skip: await reasonToSkip(ROOT), timeout: 300_000 }, () => {
  const layout = findLayout(ROOT) as Layout
  const path = (name: string) => `${layout.rootPath}/${name}`
  const tasks: ChildProcess[] = []

  before(() => sweep(ROOT))
  after(async () => {
    for (const task of tasks) task.kill('SIGKILL')
    await sweep(ROOT)
  })

  function run(name: string, command: string): void {
    makeGroup(layout, path(name))
    const task = spawn('setpriv', ['--pdeathsig', 'KILL', '/bin/sh', '-c', command], { stdio: 'ignore' })
    tasks.push(task)
    moveInto(layout, path(name), task.pid as number)
  }

  const cpus = () =>
    parseCpuList(readFileSync(join(dirOf(layout, 'cpuset', path('compute')) ?? '', 'cpuset.cpus'), 'latin1'))

  test('keeps who computes off the CPU that the disk interrupts, and release lets it go', async (t) => {
    run(
      'disk',
      `dd if=/dev/zero of=${dir}/file bs=1M count=64; while dd if=${dir}/file of=/dev/null bs=4k iflag=direct; do :; done`,
    )
    const rates = await interruptRates()
    const busy = rates.flatMap((rate, cpu) => (rate > BUSY ? [cpu] : []))
    const quiet = rates.flatMap((rate, cpu) => (rate < QUIET ? [cpu] : []))
    if (busy.length === 0 || quiet.length === 0) {
      return t.skip(
        `the disk interrupts the CPUs ${rates.map(Math.round).join(', ')} times a second, which leaves no choice`,
      )
    }
    run('compute', 'while :; do :; done')
    const found = cpus()
    writeFileSync(
      policyFile,
      `
apiVersion: reeve/v1
host: { mode: manage, interval: 500ms, cooldown: 0s }
domains:
  compute: { path: ${path('compute')}, enforcement: cap, affinity: { activity: {} } }
  disk: { path: ${path('disk')} }
goals:
  - { domain: compute, kind: fixed, amounts: { cpu: 500m }, priority: 1 }
  - { domain: disk, kind: fixed, amounts: { cpu: 500m }, priority: 1 }
`,
    )
    const daemon = await up(t)
    const isOff = () => cpus().length > 0 && cpus().every((cpu) => !busy.includes(cpu))
    await until(isOff, `off the CPUs ${busy}`, LOOKS_S).catch(async (error: Error) => {
      const now = await interruptRates()
      throw new Error(`${error.message}; interrupted ${rates} times a second before and ${now} now`, { cause: error })
    })
    const { stdout } = await reeve('history', 'compute')
    assert.match(stdout, /cpu\.set of \S*\/compute: .* -> /)
    const report = await ask<ReleaseReport>('release')
    assert.ok(report.settings.some(({ knob }) => knob === 'cpu.set'))
    assert.deepEqual(cpus(), found)
    await stop(daemon, 'SIGTERM')
  })
})

/** Of each CPU, a second: those of devices. */
async function interruptRates(): Promise<readonly number[]> {
  await pause(1000)
  const before = interrupts()
  await pause(2000)
  return interrupts().map((count, cpu) => (count - (before[cpu] ?? 0)) / 2)
}

function interrupts(): readonly number[] {
  const [heading = '', ...lines] = readFileSync('/proc/interrupts', 'latin1').split('\n')
  const counts = heading
    .trim()
    .split(/\s+/)
    .map(() => 0)
  for (const line of lines) {
    const [name = '', ...columns] = line.trim().split(/\s+/)
    if (!/^\d+:$/.test(name)) continue
    for (const cpu of counts.keys()) counts[cpu] = (counts[cpu] ?? 0) + Number(columns[cpu])
  }
  return counts
}
