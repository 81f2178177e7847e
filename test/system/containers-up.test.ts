import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { ReleaseReport, Status } from '#api/contract.ts'
import { CONTAINER_PROGRAMS } from '#bed/container.ts'
import { type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { BUSY } from '../conformance/cgroup-harness.ts'
import { reeveIn, stop, until } from './reeve.ts'

/** `reeve up` on containers of libvirt, beside connections that are dead, hang, or lead elsewhere. */

const bed = bedAvailable(CONTAINER_PROGRAMS)
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`
const dir = temporaryDirOfFile('containers')
const { policyFile, ask, up } = reeveIn(dir)
const NAMES = ['shop', 'batch-1'] as const
const DEAD = 'qemu+unix:///system?socket=/nonexistent/libvirt-sock'

describe('reeve up on containers', { skip, timeout: 300_000 }, () => {
  let host: BedHost

  before(async () => {
    host = await startHost('containers-up')
    for (const name of NAMES) await host.startContainer({ name, script: BUSY })
  })
  after(async () => {
    await host?.stop()
  })

  const policyText = (shop: number, batch: number) => `
apiVersion: reeve/v1
host: { mode: manage, interval: 500ms, cooldown: 0s, libvirt: ["${DEAD}", "${host.containersUri}", "test:///default"] }
domains:
  shop: { driver: libvirt, pin: 0, cpu: { limit: 1500m } }
  batch-*: { driver: libvirt, metadata: { groups: [web] } }
  test: { driver: libvirt }
goals:
  - { domain: shop, kind: fixed, amounts: { cpu: ${shop}m }, priority: 1 }
  - { domain: batch-*, kind: fixed, amounts: { cpu: ${batch}m }, priority: 2 }
`
  const schedinfo = (name: string) => host.virsh('-c', host.containersUri, 'schedinfo', name)
  const shares = async (name: string) => Number(/cpu_shares *: (\d+)/.exec(await schedinfo(name))?.[1])
  const comesTo = (ratio: number) =>
    until(
      async () => Math.abs((await shares('shop')) / (await shares('batch-1')) - ratio) < 0.1,
      `shares of ${ratio} to 1`,
    )
  const turn = async () => (await ask<Status>('status')).turn?.turn ?? 0

  async function started(t: TestContext): Promise<Awaited<ReturnType<typeof up>>> {
    writeFileSync(policyFile, policyText(800, 400))
    const daemon = await up(t)
    await comesTo(2)
    return daemon
  }

  test('goals become weights and limits, whatever other connections do; release leaves all as it was found', async (t) => {
    const found = await Promise.all(NAMES.map(schedinfo))
    const daemon = await started(t)
    await until(async () => /vcpu_quota *: 150000$/m.test(await schedinfo('shop')), 'its limit is its quota')
    const { domains, capabilities } = await ask<Status>('status')
    assert.deepEqual(
      domains.map(({ name, mode, state }) => [name, mode, state]),
      [
        ['shop', 'manage', 'running'],
        ['batch-1', 'manage', 'running'],
        ['test', 'outside', 'running'],
      ],
    )
    const dead = capabilities.find(({ name }) => name === DEAD)
    assert.match(dead?.available === false ? dead.reason : '', /No such file or directory/)
    const report = await ask<ReleaseReport>('release')
    assert.deepEqual(
      report.settings.map(({ result }) => result.kind).filter((kind) => kind !== 'restored'),
      [],
    )
    assert.deepEqual(await Promise.all(NAMES.map(schedinfo)), found)
    await ask('resume')
    await stop(daemon, 'SIGTERM')
  })

  test('libvirtd hangs: turns go on, and changes are made when it is back', async (t) => {
    const daemon = await started(t)
    host.haltDaemon()
    t.after(() => host.continueDaemon())
    const before = await turn()
    writeFileSync(policyFile, policyText(900, 300))
    daemon.kill('SIGHUP')
    await until(async () => (await turn()) > before + 2, 'three turns more')
    const said = async () => (await ask<Status>('status')).capabilities.find(({ name }) => name === host.containersUri)
    await until(async () => /has not answered for/.test(JSON.stringify(await said())), 'it is said to hang')
    host.continueDaemon()
    await comesTo(3)
    await until(async () => (await said())?.available === true, 'it is said to answer again')
    await stop(daemon, 'SIGTERM')
  })
})
