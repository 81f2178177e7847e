import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sweep } from '#drivers/cgroup/driver.ts'
import { makeGroup, moveInto } from '#drivers/cgroup/groups.ts'
import { dirOf, findLayout, type Layout } from '#drivers/cgroup/layout.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { reasonToSkip } from '../conformance/requirements.ts'
import { reeveIn, stop, until } from './reeve.ts'

/** `reeve up` on a process that comes to need more memory than it was given, and is killed for it until it gets that. */

const ROOT = 'reeve-system-memory'
const MIB = 1024 * 1024
const dir = temporaryDirOfFile('memory')
/** Says with how many bytes the process works. */
const bytes = join(dir, 'bytes')
const { policyFile, up } = reeveIn(dir)

const WORK = 'while :; do dd if=/dev/zero of=/dev/null bs=$(cat "$0") count=1; sleep 0.1; done'

describe('memory of a running process', { skip: await reasonToSkip(ROOT), timeout: 180_000 }, () => {
  const layout = findLayout(ROOT) as Layout
  const path = `${layout.rootPath}/hoarder`
  // A daemon with another root finds it, wherever in this tree it and this process are.
  const memoryDir = dirOf(layout, 'memory', path) as string
  const tasks: ChildProcess[] = []

  before(async () => {
    await sweep(ROOT)
    writeFileSync(bytes, `${8 * MIB}`)
    makeGroup(layout, path)
    const busy = ['--pdeathsig', 'KILL', '/bin/sh', '-c', WORK, bytes]
    const task = spawn('setpriv', busy, { stdio: 'ignore' })
    tasks.push(task)
    moveInto(layout, path, task.pid as number)
    writeFileSync(
      policyFile,
      `
apiVersion: reeve/v1
host: { mode: manage, interval: 200ms, cooldown: 0s, minimum: { memory: 64MiB } }
domains:
  hoarder: { path: ${path}, controls: [memory], enforcement: cap }
goals:
  - { domain: hoarder, kind: utilization, resource: memory, target: 80%, priority: 1 }
`,
    )
  })
  after(async () => {
    for (const task of tasks) task.kill('SIGKILL')
    await sweep(ROOT)
  })

  const read = (v1: string, v2: string) => readFileSync(join(memoryDir, layout.version === 1 ? v1 : v2), 'utf8')
  const limitMib = () => Number(read('memory.limit_in_bytes', 'memory.max')) / MIB
  const kills = () => Number(/^oom_kill (\d+)$/m.exec(read('memory.oom_control', 'memory.events'))?.[1])

  test('is given once it was killed for want of it, and kept', async (t) => {
    const daemon = await up(t)
    await until(() => limitMib() === 64, 'it is held to 64 MiB')
    writeFileSync(bytes, `${80 * MIB}`)
    await until(() => kills() > 0, 'it is killed')
    await until(() => limitMib() === 96, 'it is given a fifth more, of which it is to use four fifths')
    const before = kills()
    // Longer than from one look at memory to the next, and than a need is held without having been killed.
    await pause(25_000)
    assert.equal(kills(), before)
    assert.equal(limitMib(), 96)
    await stop(daemon, 'SIGTERM')
  })
})
