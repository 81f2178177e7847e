import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { EstimateReason } from '#core/model/estimate-reason.ts'
import { journalPath, readJournal } from '#daemon/journal/reader.ts'
import { sweep } from '#drivers/cgroup/driver.ts'
import { makeGroup, moveInto } from '#drivers/cgroup/groups.ts'
import { findLayout, type Layout } from '#drivers/cgroup/layout.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { reasonToSkip } from '../conformance/requirements.ts'
import { reeveIn, stop } from './reeve.ts'

/**
 * A real service that takes datagrams in, beside work that wants every CPU: what arrives says what it needs, before it
 * uses that.
 */

const ROOT = 'reeve-system-packets'
const dir = temporaryDirOfFile('packets')
const state = join(dir, 'state')
const { policyFile, up } = reeveIn(dir)
const skip = (await reasonToSkip(ROOT)) || (await reasonToSkip(ROOT, 'packets'))

/** Does the same work for each datagram, some 200 us of a CPU, and says on which port it takes them. */
const RELAY = `
const server = require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 8 << 20 })
const work = () => { let x = 1; for (let step = 0; step < 200_000; step++) x = Math.imul(x, 48271) ^ step; return x }
server.on('message', work)
server.bind(0, '127.0.0.1', () => console.log(server.address().port))`

/** At so many seconds so many datagrams a second, and evenly from one to the next. */
type Load = readonly (readonly [second: number, rate: number])[]
const STEADY_S = 8
/** From so long before it changes it is looked at. */
const BEFORE_S = 2
const RISE_S = 24
const RISE: Load = [
  [0, 1000],
  [STEADY_S, 1000],
  [STEADY_S + RISE_S, 2500],
]
const AFTER_STEP_S = 6
const STEP: Load = [
  [0, 1000],
  [STEADY_S, 1000],
  [STEADY_S, 3000],
]
const SENDER = `
const port = Number(process.argv[1]), load = JSON.parse(process.argv[2])
const client = require('node:dgram').createSocket('udp4')
const datagram = Buffer.alloc(100), began = performance.now()
const rateAt = (s) => {
  const next = load.findIndex(([second]) => second > s)
  if (next === -1) return load.at(-1)[1]
  const [[from, first], [until, last]] = [load[next - 1], load[next]]
  return first + ((last - first) * (s - from)) / (until - from)
}
let before = 0, due = 0
setInterval(() => {
  const now = (performance.now() - began) / 1000
  for (due += (now - before) * rateAt(now); due >= 1; due--) client.send(datagram, port, '127.0.0.1')
  before = now
}, 5)`

interface Seen {
  /** What spoke for the service's goal. */
  readonly by: EstimateReason['kind'] | undefined
  readonly use: number
  readonly inForce: number
  /** What it is to have from now on. */
  readonly entitlement: number
}

describe('packets that arrive', { skip, timeout: 240_000 }, () => {
  const layout = findLayout(ROOT) as Layout
  const path = (name: string) => `${layout.rootPath}/${name}`
  const tasks: ChildProcess[] = []

  before(async () => {
    await sweep(ROOT)
    // Its network is told by the group in which it makes its socket.
    for (const name of ['relay', 'batch']) makeGroup(layout, path(name))
  })
  after(async () => {
    for (const task of tasks) task.kill('SIGKILL')
    await sweep(ROOT)
  })

  const policyText = (enforcement: 'guarantee' | 'cap') => `
apiVersion: reeve/v1
host: { mode: manage, interval: 1s, headroom: { cpu: 10% }, surplus: { default: [batch] }, cooldown: 0s }
metrics:
  relay-packets: { source: counter, counter: net.rxPackets, unit: packets/s }
domains:
  relay: { path: ${path('relay')}, enforcement: ${enforcement} }
  batch: { path: ${path('batch')} }
goals:
  - { domain: relay, kind: throughput, metric: relay-packets, atLeast: 20000, priority: 1 }
`

  /** Starts it once it is in its group; without a group where it is. */
  function run(group: string | null, ...argv: readonly string[]): ChildProcess {
    const waiting = ['--pdeathsig', 'KILL', '/bin/sh', '-c', 'read go; exec "$@"', 'sh']
    const task = spawn('setpriv', [...waiting, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] })
    tasks.push(task)
    if (group !== null) moveInto(layout, path(group), task.pid as number)
    task.stdin?.write('go\n')
    return task
  }

  /** Plays it to a relay beside a batch job that wants every CPU; what was seen of the relay from just before it changes. */
  async function played(t: TestContext, load: Load, lasts: number): Promise<readonly Seen[]> {
    // What came before would be remembered.
    rmSync(state, { recursive: true, force: true })
    const relay = run('relay', process.execPath, '-e', RELAY)
    const [port] = await once(relay.stdout as NodeJS.ReadableStream, 'data')
    const daemon = await up(t)
    for (let cpu = 0; cpu < 4; cpu++) run('batch', '/bin/sh', '-c', 'while :; do :; done')
    run(null, process.execPath, '-e', SENDER, `${port}`.trim(), JSON.stringify(load))
    const fromMs = Date.now() + (STEADY_S - BEFORE_S) * 1000
    await pause((STEADY_S + lasts) * 1000)
    await stop(daemon, 'SIGTERM')
    for (const task of tasks.splice(0)) task.kill('SIGKILL')
    return recordedFrom(fromMs)
  }

  /** What the relay used in each turn from then on, and what was in force for it, as it is on record. */
  function recordedFrom(utcMs: number): readonly Seen[] {
    const journal = readJournal(journalPath(state))
    assert.ok(journal !== null)
    const turns = journal.turns(journal.lastTurnBefore(utcMs), journal.lastTurn())
    journal.close()
    return turns.flatMap(({ decision }) => {
      const by = decision.goals[0]?.because.kind
      const cpu = decision.resources.find(({ resource }) => resource === 'cpu')
      const row = cpu?.rows.find(({ domain }) => domain === 'relay')
      if (row === undefined || row.use === null || row.inForce === null) return []
      return [{ by, use: row.use, inForce: row.inForce, entitlement: row.entitlement }]
    })
  }

  test('raise what the service is given before 95 % of it are used', async (t) => {
    writeFileSync(policyFile, policyText('guarantee'))
    const rising = await played(t, RISE, RISE_S)
    const text = rising.map(({ use, inForce }) => `${Math.round(use)} of ${Math.round(inForce)}`).join(', ')
    t.diagnostic(text)
    assert.ok(rising.length >= RISE_S / 2, `so many turns were seen: ${rising.length}`)
    const [first, last] = [rising[0], rising.at(-1)]
    assert.ok(first !== undefined && last !== undefined && last.use > 1.6 * first.use, `it comes to use more: ${text}`)
    const silent = rising.filter(({ by }) => by !== 'arrivals')
    assert.ok(silent.length <= rising.length / 10, `what arrives is spoken of, and not ${silent.map(({ by }) => by)}`)
    // One turn in eight may come late on a machine that others share.
    const late = rising.filter(({ use, inForce }) => use >= 0.95 * inForce)
    assert.ok(late.length <= rising.length / 8, `used up in ${late.length} of ${rising.length} turns: ${text}`)
  })

  test('have what they cost granted at once, to a service that could not have used it', async (t) => {
    writeFileSync(policyFile, policyText('cap'))
    const seen = await played(t, STEP, AFTER_STEP_S)
    const text = seen.map(({ use, entitlement }) => `${Math.round(entitlement)} after ${Math.round(use)}`).join(', ')
    t.diagnostic(text)
    // Use alone would never say more than the margin beyond it, which is a quarter.
    const most = Math.max(...seen.map(({ use, entitlement }) => entitlement / use))
    assert.ok(most > 1.5, `${most.toFixed(2)} times what was used, at most: ${text}`)
  })
})
