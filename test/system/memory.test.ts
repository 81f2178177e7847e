import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sweep } from '#drivers/cgroup/driver.ts'
import { makeGroup, moveInto } from '#drivers/cgroup/groups.ts'
import { findLayout, type Layout } from '#drivers/cgroup/layout.ts'
import { reasonToSkip } from '../conformance/requirements.ts'
import { reeveIn, stop, until } from './reeve.ts'

/**
 * `reeve up` on processes that come to need more memory than they were given: one is killed for it, another reads from
 * disk what it had in its cache. Both are given enough, and keep it.
 */

const ROOT = 'reeve-system-memory'
const MIB = 1024 * 1024
const dir = mkdtempSync(join(tmpdir(), 'reeve-memory-'))
const data = join(dir, 'data')
const bytes = join(dir, 'bytes')
const { policyFile, up } = reeveIn(dir)

/** Works with as many bytes as the file says, over and over. */
const WORK = {
  hoarder: 'while :; do dd if=/dev/zero of=/dev/null bs=$(cat "$1") count=1; sleep 0.1; done',
  reader: 'while :; do dd if="$0" of=/dev/null bs=64K count=$(($(cat "$1") / 65536)); sleep 0.1; done',
} as const
const NAMES = ['hoarder', 'reader'] as const

describe('memory of running processes', { skip: await reasonToSkip(ROOT), timeout: 180_000 }, () => {
  const layout = findLayout(ROOT) as Layout
  const path = (name: string) => `${layout.rootPath}/${name}`
  const memoryDir = (name: string) => join(`${layout.trees.memory?.mount}`, path(name))
  const tasks: ChildProcess[] = []

  before(async () => {
    await sweep(ROOT)
    // Past the cache, which would count as whose it was written by.
    execFileSync('dd', ['if=/dev/zero', `of=${data}`, 'bs=1M', 'count=80', 'oflag=direct'], { stdio: 'ignore' })
    writeFileSync(bytes, `${8 * MIB}`)
    for (const name of NAMES) {
      makeGroup(layout, path(name))
      const task = spawn('setpriv', ['--pdeathsig', 'KILL', '/bin/sh', '-c', WORK[name], data, bytes], {
        stdio: 'ignore',
      })
      tasks.push(task)
      moveInto(layout, path(name), task.pid as number)
      // A daemon with another root looks for it at the same path in every tree, wherever this process is itself.
      mkdirSync(memoryDir(name), { recursive: true })
      writeFileSync(join(memoryDir(name), 'cgroup.procs'), `${task.pid}`)
    }
    writeFileSync(
      policyFile,
      `
apiVersion: reeve/v1
host: { mode: manage, interval: 200ms, cooldown: 0s, minimum: { memory: 64MiB } }
domains:
  hoarder: { path: ${path('hoarder')}, controls: [memory], enforcement: cap }
  reader: { path: ${path('reader')}, controls: [memory], enforcement: cap }
goals:
  - { all: true, kind: utilization, resource: memory, target: 80%, priority: 1 }
`,
    )
  })
  after(async () => {
    for (const task of tasks) task.kill('SIGKILL')
    await sweep(ROOT)
    if (layout.version === 1) for (const name of [...NAMES, '']) rmdirSync(memoryDir(name))
    rmSync(dir, { recursive: true })
  })

  const read = (name: string, v1: string, v2: string) =>
    readFileSync(join(memoryDir(name), layout.version === 1 ? v1 : v2), 'utf8')
  const limitMib = (name: string) => Number(read(name, 'memory.limit_in_bytes', 'memory.max')) / MIB
  const field = (text: string, key: string) => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1])
  const kills = () => field(read('hoarder', 'memory.oom_control', 'memory.events'), 'oom_kill')
  const refaults = () => field(read('reader', 'memory.stat', 'memory.stat'), 'workingset_refault_file')

  test('is raised for who is killed or reads again what he had, until he is not', async (t) => {
    const daemon = await up(t)
    await until(() => NAMES.every((name) => limitMib(name) === 64), `both are held to 64 MiB: ${NAMES.map(limitMib)}`)
    writeFileSync(bytes, `${80 * MIB}`)
    await until(() => kills() > 0 && refaults() > 0, 'one is killed, the other reads again what was taken from it')
    await until(() => NAMES.every((name) => limitMib(name) >= 90), 'both are given more')
    await pause(2000)
    const before = { kills: kills(), refaults: refaults() }
    // Longer than from one look at memory to the next, and than a need is held for its own sake.
    await pause(25_000)
    assert.deepEqual({ kills: kills(), refaults: refaults() }, before)
    assert.ok(NAMES.every((name) => limitMib(name) >= 90))
    await stop(daemon, 'SIGTERM')
  })
})
