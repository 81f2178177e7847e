import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { Status } from '#api/contract.ts'
import { type BedGuest, type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { reeveIn, stop, until } from './reeve.ts'

/** What happens to machines by somebody else's hand, or by their own, while `reeve up` manages them and others. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`
const dir = temporaryDirOfFile('machines-faults')
const { policyFile, reeve, ask, up } = reeveIn(dir)

const NAMES = ['shop', 'batch-1'] as const
const MEMORY_MIB = 200
/** What a guest of the bed has without its balloon. */
const MOST_MIB = 256
const NOBODY = 'qemu+unix:///system?socket=/nowhere'

describe('what may happen to machines', { skip, timeout: 300_000 }, () => {
  let host: BedHost
  const guests = new Map<string, BedGuest>()

  before(async () => {
    host = await startHost('faults')
    for (const name of NAMES) guests.set(name, await host.start({ name, memoryMib: MEMORY_MIB }))
    for (const name of NAMES) await until(async () => (await balloon(name)) === MEMORY_MIB, 'its balloon is full')
  })
  after(async () => {
    await host?.stop()
  })

  /** Amounts that fit beside whatever those who wait for them, and libvirtd, take. */
  const policyText = (shop: number, batch: number) => `
apiVersion: reeve/v1
host: { mode: manage, interval: 500ms, cooldown: 0s, libvirt: ["${NOBODY}", "${host.uri}"] }
domains:
  shop: { driver: libvirt, controls: [cpu, memory] }
  batch-*: { driver: libvirt }
goals:
  - { domain: shop, kind: fixed, amounts: { cpu: ${shop}m, memory: 140MiB }, priority: 1 }
  - { domain: batch-*, kind: fixed, amounts: { cpu: ${batch}m }, priority: 2 }
`
  const shares = async (name: string) => Number(/cpu_shares *: (\d+)/.exec(await host.virsh('schedinfo', name))?.[1])
  const ratio = async () => (await shares('shop')) / (await shares('batch-1'))
  const isAbout = async (expected: number) => Math.abs((await ratio()) - expected) < 0.1
  /** MiB. */
  const balloon = async (name: string) =>
    Number(/Used memory: +(\d+)/.exec(await host.virsh('dominfo', name))?.[1]) / 1024
  const stateOf = async (name: string) =>
    (await ask<Status>('status')).domains.find((domain) => domain.name === name)?.state
  const managed = async (t: TestContext) => {
    writeFileSync(policyFile, policyText(400, 200))
    const daemon = await up(t)
    await until(() => isAbout(2), 'shares of 2 to 1')
    return daemon
  }

  test('of two connections one is dead: the machines of the other are managed, and it is said', async (t) => {
    const daemon = await managed(t)
    const { capabilities } = await ask<Status>('status')
    const dead = capabilities.find(({ name }) => name === NOBODY)
    assert.match(dead?.available === false ? dead.reason : '', /\/nowhere/)
    await stop(daemon, 'SIGTERM')
  })

  test('one is paused by hand: it is shown, left so, and the other goes on being managed', async (t) => {
    const daemon = await managed(t)
    await host.virsh('suspend', 'shop')
    await until(async () => (await stateOf('shop')) === 'paused', 'it is shown as paused')
    writeFileSync(policyFile, policyText(450, 150))
    daemon.kill('SIGHUP')
    await until(() => isAbout(3), 'shares of 3 to 1 all the same')
    assert.equal(await host.virsh('domstate', 'shop'), 'paused')
    await host.virsh('resume', 'shop')
    await until(async () => (await stateOf('shop')) === 'running', 'it runs again')
    await stop(daemon, 'SIGTERM')
  })

  test('one starts anew inside: what a guest forgets is set again, and blamed on nobody', async (t) => {
    const daemon = await managed(t)
    await until(async () => (await balloon('shop')) < MEMORY_MIB - 50, 'it has given memory')
    await host.virsh('reset', 'shop')
    await guests.get('shop')?.ready()
    await until(async () => (await balloon('shop')) < MEMORY_MIB - 50, 'it has given memory again')
    assert.deepEqual((await ask<Status>('status')).turn?.drift, [])
    assert.ok(await isAbout(2))
    await stop(daemon, 'SIGTERM')
  })

  test('one gives nothing though it is asked: it is not believed to, and the others are managed', async (t) => {
    await ask('release').catch(() => reeve('release'))
    await until(async () => (await balloon('shop')) === MEMORY_MIB, 'it has all its memory')
    const unbind = 'cd /sys/bus/virtio/drivers/virtio_balloon && for device in virtio*; do echo $device >unbind; done'
    await guests.get('shop')?.shell(unbind)
    // The driver took its balloon along, and all that the machine has is its own.
    await until(async () => (await balloon('shop')) === MOST_MIB, 'it has all its memory, and keeps it')
    writeFileSync(policyFile, policyText(400, 200))
    const daemon = await up(t)
    await ask('resume')
    await until(() => isAbout(2), 'shares of 2 to 1')
    const before = (await ask<Status>('status')).turn?.turn ?? 0
    await until(async () => ((await ask<Status>('status')).turn?.turn ?? 0) > before + 20, 'ten seconds of turns')
    assert.equal(await balloon('shop'), MOST_MIB)
    const status = await ask<Status>('status')
    assert.deepEqual(status.turn?.drift, [])
    await stop(daemon, 'SIGTERM')
  })

  test('one loses its definition, another its name: who is still named is managed', async (t) => {
    const daemon = await managed(t)
    await host.virsh('destroy', 'batch-1')
    await host.virsh('domrename', 'batch-1', 'other')
    await host.virsh('undefine', 'shop')
    await host.virsh('start', 'other')
    writeFileSync(policyFile, policyText(450, 150))
    daemon.kill('SIGHUP')
    await until(async () => (await stateOf('batch-1')) === undefined, 'nobody has that name')
    await until(async () => (await reeve('explain', 'shop')).stdout.includes('0.45 cores'), 'the other has its goal')
    assert.equal(await stateOf('shop'), 'running')
    assert.equal(await shares('other'), 1024)
    await stop(daemon, 'SIGTERM')
  })
})
