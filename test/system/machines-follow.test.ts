import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { ReleaseReport, Status } from '#api/contract.ts'
import { type BedGuest, type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { reeveIn, stop, until } from './reeve.ts'

/** What follows the CPU that a machine is given: how many vCPUs its guest uses, and whether it runs at all. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`
const dir = temporaryDirOfFile('machines-follow')
const { policyFile, ask, up } = reeveIn(dir)

describe('machines follow what they are given', { skip, timeout: 300_000 }, () => {
  let host: BedHost
  let shop: BedGuest

  before(async () => {
    host = await startHost('follow')
    shop = await host.start({ name: 'shop', vcpus: 2, maxVcpus: 3 })
    await host.start({ name: 'batch' })
  })
  after(async () => {
    await host?.stop()
  })

  const policyText = (amount: number) => `
apiVersion: reeve/v1
host: { mode: manage, interval: 500ms, cooldown: 1s, libvirt: ["${host.uri}"], headroom: { cpu: 0% } }
resources: { cpu: { capacity: 3 } }
domains:
  shop: { driver: libvirt, enforcement: cap, vcpus: 1-3 }
  batch: { driver: libvirt, pauseBelow: 50m }
goals:
  - { domain: shop, kind: fixed, amounts: { cpu: ${amount}m }, priority: 1 }
  - { domain: batch, kind: fixed, amounts: { cpu: 100m }, priority: 2 }
`
  const countInside = async () => Number(await shop.shell('nproc'))

  test('vCPUs are parked, woken and plugged in; release leaves as many in use as were found', async (t) => {
    writeFileSync(policyFile, policyText(500))
    const daemon = await up(t)
    await until(async () => (await countInside()) === 1, 'one is enough')
    assert.match(await host.virsh('vcpucount', 'shop', '--live', '--current'), /^2$/m)
    writeFileSync(policyFile, policyText(2500))
    daemon.kill('SIGHUP')
    await until(async () => (await countInside()) === 3, 'three are needed')
    const report = await ask<ReleaseReport>('release')
    assert.deepEqual(
      report.settings.map(({ result }) => result.kind).filter((kind) => kind !== 'restored'),
      [],
    )
    await until(async () => (await countInside()) === 2, 'as many as it had')
    await ask('resume')
    await stop(daemon, 'SIGTERM')
  })

  test('one is paused while it is given too little, and goes on when there is enough', async (t) => {
    const stateOf = async () => (await ask<Status>('status')).domains.find(({ name }) => name === 'batch')?.state
    writeFileSync(policyFile, policyText(4000))
    const daemon = await up(t)
    await until(async () => (await host.virsh('domstate', 'batch')) === 'paused', 'it is swapped for the other')
    await until(async () => (await stateOf()) === 'paused', 'and shown so')
    writeFileSync(policyFile, policyText(500))
    daemon.kill('SIGHUP')
    await until(async () => (await host.virsh('domstate', 'batch')) === 'running', 'it goes on')
    await ask('release')
    await stop(daemon, 'SIGTERM')
  })

  test('what libvirtd comes to do when nobody waits for it any more is done no more, nor is it blamed on anybody', async (t) => {
    const turn = async () => (await ask<Status>('status')).turn
    const followed = async () => (await ask<Status>('status')).policy.hash
    writeFileSync(policyFile, policyText(500))
    const daemon = await up(t)
    await ask('resume')
    await until(async () => ((await turn())?.turn ?? 0) > 2, 'it decides')
    const sparing = await followed()
    host.haltDaemon()
    t.after(() => host.continueDaemon())
    writeFileSync(policyFile, policyText(4000))
    daemon.kill('SIGHUP')
    const isSilent = async () =>
      (await ask<Status>('status')).capabilities.some((its) => !its.available && /not answered/.test(its.reason))
    await until(isSilent, 'libvirtd is waited for')
    await until(async () => (await followed()) !== sparing, 'the machine is to be paused')
    writeFileSync(policyFile, policyText(500))
    daemon.kill('SIGHUP')
    await until(async () => (await followed()) === sparing, 'another policy is followed')
    host.continueDaemon()
    await until(async () => !(await isSilent()), 'libvirtd answers')
    const before = (await turn())?.turn ?? 0
    for (let now = 0; now < before + 10; now = (await turn())?.turn ?? 0) {
      assert.equal(await host.virsh('domstate', 'batch'), 'running')
      assert.deepEqual((await turn())?.drift, [])
    }
    // A look, a reload and a change are under way when it is to end.
    host.haltDaemon()
    writeFileSync(policyFile, policyText(4000))
    daemon.kill('SIGHUP')
    await stop(daemon, 'SIGTERM')
  })
})
