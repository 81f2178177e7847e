import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { ReleaseReport, Status } from '#api/contract.ts'
import { sweep } from '#drivers/cgroup/driver.ts'
import { makeGroup, moveInto, removeGroup } from '#drivers/cgroup/groups.ts'
import { dirOf, findLayout, type Layout } from '#drivers/cgroup/layout.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { reasonToSkip } from '../conformance/requirements.ts'
import { reeveIn, stop, until } from './reeve.ts'

/**
 * `reeve up` as an administrator runs it, on groups of processes that are there already: a test of all parts together
 * on the real thing, and of what may happen to a host at night.
 */

const ROOT = 'reeve-system-up'
const dir = temporaryDirOfFile('up')
const { policyFile, reeve, ask, up } = reeveIn(dir)
const NAMES = ['left', 'right'] as const
const cannotCount = await reasonToSkip(ROOT, 'packets')

describe('reeve up', { skip: await reasonToSkip(ROOT), timeout: 300_000 }, () => {
  const layout = findLayout(ROOT) as Layout
  const path = (name: string) => `${layout.rootPath}/${name}`
  const tasks: ChildProcess[] = []

  before(async () => {
    await sweep(ROOT)
    for (const name of NAMES) busyGroup(name)
    writeFileSync(policyFile, policyText(800, 400))
  })
  after(async () => {
    for (const task of tasks) task.kill('SIGKILL')
    await sweep(ROOT)
  })

  function busyGroup(name: string): void {
    makeGroup(layout, path(name))
    const busy = ['/bin/sh', '-c', 'while :; do :; done']
    const task = spawn('setpriv', ['--pdeathsig', 'KILL', ...busy], { stdio: 'ignore' })
    tasks.push(task)
    moveInto(layout, path(name), task.pid as number)
  }

  const policyText = (left: number, right: number) => `
apiVersion: reeve/v1
host: { mode: manage, interval: 200ms, cooldown: 0s, headroom: { cpu: 25% } }
domains:
  left: { path: ${path('left')} }
  right: { path: ${path('right')} }
goals:
  - { domain: left, kind: fixed, amounts: { cpu: ${left}m }, priority: 1 }
  - { domain: right, kind: fixed, amounts: { cpu: ${right}m }, priority: 2 }
`

  const weight = (name: string) => {
    const file = layout.version === 1 ? 'cpu.shares' : 'cpu.weight'
    return Number(readFileSync(join(dirOf(layout, 'cpu', path(name)) as string, file), 'utf8'))
  }
  const ratio = () => weight('left') / weight('right')

  /** Writes the CPUs of the place above the domains, and in version 1 also of those, which must lie within. */
  function setCpus(cpus: string, order: readonly string[]): void {
    for (const name of order) {
      if (layout.version === 2 && name !== '') continue
      const its = dirOf(layout, 'cpuset', name === '' ? layout.rootPath : path(name)) as string
      writeFileSync(join(its, 'cpuset.cpus'), `${cpus}\n`)
    }
  }

  test('brings what is in force to the goals, and says so', async (t) => {
    const daemon = await up(t)
    await until(() => Math.abs(ratio() - 2) < 0.05, 'weights of 2 to 1')
    const status = await ask<Status>('status')
    assert.deepEqual(
      status.domains.map(({ name, amounts }) => [name, amounts['cpu']?.allocation]),
      [
        ['left', 800],
        ['right', 400],
      ],
    )
    const second = await reeve('up', '-c', policyFile)
    assert.equal(second.code, 1)
    assert.ok(second.stderr.includes(`another Reeve (process ${daemon.pid}) holds`), second.stderr)
    await stop(daemon, 'SIGTERM')
    assert.ok(Math.abs(ratio() - 2) < 0.05, 'settings stay when the daemon ends')
  })

  const counting = { skip: cannotCount }
  test('a daemon that is interrupted twice ends in order, and leaves no table of its own', counting, async (t) => {
    const daemon = await up(t)
    const tables = () => execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' })
    await until(() => tables().includes('inet reeve_reeve'), 'packets are counted')
    const ended = once(daemon, 'exit')
    // As `timeout` does it, and a keyboard: the second comes before the first has had its effect.
    daemon.kill('SIGINT')
    await pause(20)
    daemon.kill('SIGINT')
    assert.deepEqual(await ended, [0, null])
    assert.ok(!tables().includes('inet reeve_reeve'))
  })

  test('a daemon that is killed loses no turn, and starting it again changes nothing by itself', async (t) => {
    const killed = await up(t)
    await until(() => Math.abs(ratio() - 2) < 0.05, 'weights of 2 to 1')
    const turn = (await ask<Status>('status')).turn?.turn ?? Number.NaN
    await stop(killed, 'SIGKILL')
    const weights = NAMES.map(weight)
    const again = await up(t)
    await until(async () => (await ask<Status>('status')).turn !== null, 'a turn')
    const next = (await ask<Status>('status')).turn?.turn ?? Number.NaN
    assert.ok(next > turn, `turn ${next} follows ${turn}`)
    await pause(1000)
    assert.deepEqual(NAMES.map(weight), weights)
    await stop(again, 'SIGTERM')
  })

  test('CPUs that are lost are divided no more, and again once they are back', async (t) => {
    const daemon = await up(t)
    const allocations = async () => (await ask<Status>('status')).domains.map((its) => its.amounts['cpu']?.allocation)
    await until(async () => (await allocations()).join() === '800,400', 'both goals served')
    setCpus('0', [...NAMES, ''])
    // Priority 1 wants all that is left; priority 2 keeps its minimum.
    await until(async () => {
      const [left = 0, right = 0] = await allocations()
      return left + right <= 750 && left > 600 && right < 100
    }, 'one CPU divided by priority')
    setCpus('0-1', ['', ...NAMES])
    await until(async () => (await allocations()).join() === '800,400', 'both goals served again')
    await stop(daemon, 'SIGTERM')
  })

  test('a group that vanishes takes nobody along, and release puts back what was found', async (t) => {
    const daemon = await up(t)
    tasks[1]?.kill('SIGKILL')
    await removeGroup(layout, path('right'))
    await until(async () => {
      const { domains } = await ask<Status>('status')
      return domains.find(({ name }) => name === 'right')?.state === 'absent'
    }, 'the group is seen to be absent')
    writeFileSync(policyFile, policyText(300, 500))
    daemon.kill('SIGHUP')
    await until(async () => {
      const { domains } = await ask<Status>('status')
      return domains.find(({ name }) => name === 'left')?.amounts['cpu']?.allocation === 300
    }, 'the other one is still managed')
    const report = await ask<ReleaseReport>('release')
    assert.ok(report.settings.length > 0)
    assert.equal(weight('left'), layout.version === 1 ? 1024 : 100)
    await stop(daemon, 'SIGTERM')
  })
})
