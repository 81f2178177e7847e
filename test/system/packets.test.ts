import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Status } from '#api/contract.ts'
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
const { policyFile, ask, up } = reeveIn(dir)
const counts = existsSync('/usr/sbin/nft') ? false : 'nftables is not installed'
const skip = (await reasonToSkip(ROOT)) || counts

/** Does the same work for each datagram, some 200 us of a CPU, and says on which port it takes them. */
const RELAY = `
const server = require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 8 << 20 })
const work = () => { let x = 1; for (let step = 0; step < 200_000; step++) x = Math.imul(x, 48271) ^ step; return x }
server.on('message', work)
server.bind(0, '127.0.0.1', () => console.log(server.address().port))`

/** So many datagrams a second: FIRST for a while, then evenly more up to LAST, and that from then on. */
const FIRST = 1000
const LAST = 3000
const STEADY_S = 12
const RISE_S = 40
const SENDER = `
const [port, first, last, steady, rise] = process.argv.slice(1).map(Number)
const client = require('node:dgram').createSocket('udp4')
const datagram = Buffer.alloc(100), began = performance.now()
let sent = 0
const due = (s) => {
  const rising = Math.min(Math.max(s - steady, 0), rise)
  return first * s + (last - first) * (rising ** 2 / 2 / rise + Math.max(s - steady - rise, 0))
}
setInterval(() => {
  for (const all = due((performance.now() - began) / 1000); sent < all; sent++) client.send(datagram, port, '127.0.0.1')
}, 5)`

interface Seen {
  /** What spoke for the service's goal. */
  readonly by: EstimateReason['kind'] | undefined
  readonly use: number
  readonly inForce: number
}

describe('packets that arrive', { skip, timeout: 240_000 }, () => {
  const layout = findLayout(ROOT) as Layout
  const path = (name: string) => `${layout.rootPath}/${name}`
  const tasks: ChildProcess[] = []

  before(async () => {
    await sweep(ROOT)
    // Its network is told by the group in which it makes its socket.
    for (const name of ['relay', 'batch']) makeGroup(layout, path(name))
    writeFileSync(
      policyFile,
      `
apiVersion: reeve/v1
host: { mode: manage, interval: 1s, headroom: { cpu: 10% }, surplus: { default: [batch] }, cooldown: 0s }
metrics:
  relay-packets: { source: counter, counter: net.rxPackets, unit: packets/s }
domains:
  relay: { path: ${path('relay')} }
  batch: { path: ${path('batch')} }
goals:
  - { domain: relay, kind: throughput, metric: relay-packets, atLeast: 20000, priority: 1 }
`,
    )
  })
  after(async () => {
    for (const task of tasks) task.kill('SIGKILL')
    await sweep(ROOT)
  })

  /** Starts it once it is in its group; without a group where it is. */
  function run(group: string | null, ...argv: readonly string[]): ChildProcess {
    const waiting = ['--pdeathsig', 'KILL', '/bin/sh', '-c', 'read go; exec "$@"', 'sh']
    const task = spawn('setpriv', [...waiting, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] })
    tasks.push(task)
    if (group !== null) moveInto(layout, path(group), task.pid as number)
    task.stdin?.write('go\n')
    return task
  }

  /** What the relay used in each turn from this one on, and what was in force for it, as it is on record. */
  function recordedFrom(turn: number): readonly Seen[] {
    const journal = readJournal(journalPath(join(dir, 'state')))
    assert.ok(journal !== null)
    const turns = journal.turns(turn, journal.lastTurn())
    journal.close()
    return turns.flatMap(({ decision }) => {
      const by = decision.goals[0]?.because.kind
      const cpu = decision.resources.find(({ resource }) => resource === 'cpu')
      const { use = null, inForce = null } = cpu?.rows.find(({ domain }) => domain === 'relay') ?? {}
      return use === null || inForce === null ? [] : [{ by, use, inForce }]
    })
  }

  test('raise what the service is given before 95 % of it are used', async (t) => {
    for (let cpu = 0; cpu < 4; cpu++) run('batch', '/bin/sh', '-c', 'while :; do :; done')
    const relay = run('relay', process.execPath, '-e', RELAY)
    const [port] = await once(relay.stdout as NodeJS.ReadableStream, 'data')
    const daemon = await up(t)
    run(null, process.execPath, '-e', SENDER, ...[`${port}`.trim(), FIRST, LAST, STEADY_S, RISE_S].map(String))
    await pause(STEADY_S * 1000)
    const { turn } = await ask<Status>('status')
    await pause(RISE_S * 1000)
    await stop(daemon, 'SIGTERM')
    const rising = recordedFrom(turn?.turn ?? 1)
    const text = rising.map(({ use, inForce }) => `${Math.round(use)} of ${Math.round(inForce)}`).join(', ')
    const silent = rising.filter(({ by }) => by !== 'arrivals')
    t.diagnostic(text)
    assert.ok(rising.length >= RISE_S / 2, `so many turns were seen: ${rising.length}`)
    const [first, last] = [rising[0], rising.at(-1)]
    assert.ok(first !== undefined && last !== undefined && last.use > 2 * first.use, `it comes to use more: ${text}`)
    assert.ok(silent.length <= rising.length / 10, `what arrives is spoken of, and not ${silent.map(({ by }) => by)}`)
    // One turn in eight may come late on a machine that others share.
    const late = rising.filter(({ use, inForce }) => use >= 0.95 * inForce)
    assert.ok(late.length <= rising.length / 8, `used up in ${late.length} of ${rising.length} turns: ${text}`)
  })
})
