import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { ReleaseReport, Status } from '#api/contract.ts'
import { type BedGuest, type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { reeveIn, stop, until } from './reeve.ts'

/**
 * `reeve up` on machines that somebody else started, looked at from outside by libvirt's own client and from inside by
 * a shell, and what may happen to them and to libvirtd meanwhile.
 */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`
const dir = temporaryDirOfFile('machines')
const { policyFile, reeve, ask, up } = reeveIn(dir)

const NAMES = ['shop', 'batch-1'] as const
const MEMORY_MIB = 200
/** What libvirt's own client says of a machine that Reeve may set. */
const SHOWN = ['schedinfo', 'vcpupin', 'emulatorpin', 'dominfo'] as const

async function within<Result>(seconds: number, work: Promise<Result>): Promise<Result> {
  const late = pause(seconds * 1000, null, { ref: false }).then(() => assert.fail(`it takes more than ${seconds} s`))
  return await Promise.race([work, late])
}

describe('reeve up on machines', { skip, timeout: 300_000 }, () => {
  let host: BedHost
  const guests = new Map<string, BedGuest>()

  before(async () => {
    host = await startHost('up')
    for (const name of NAMES) guests.set(name, await host.start({ name, memoryMib: MEMORY_MIB }))
    // They boot with all they may have.
    for (const name of NAMES)
      await until(async () => (await balloon(name)) === MEMORY_MIB * 1024, 'its balloon is full')
  })
  after(async () => {
    await host?.stop()
  })

  /** Amounts that fit beside whatever those who wait for them, and libvirtd, take. */
  const policyText = (shop: number, batch: number) => `
apiVersion: reeve/v1
host: { mode: manage, interval: 500ms, cooldown: 0s, libvirt: ["${host.uri}"] }
domains:
  shop: { driver: libvirt, pin: 0, controls: [cpu, memory] }
  batch-*: { driver: libvirt }
goals:
  - { domain: shop, kind: fixed, amounts: { cpu: ${shop}m, memory: 140MiB }, priority: 1 }
  - { domain: batch-*, kind: fixed, amounts: { cpu: ${batch}m }, priority: 2 }
`
  const shares = async (name: string) => Number(/cpu_shares *: (\d+)/.exec(await host.virsh('schedinfo', name))?.[1])
  const ratio = async () => (await shares('shop')) / (await shares('batch-1'))
  const shown = async () => {
    const texts = NAMES.flatMap((name) => SHOWN.map(async (what) => `${name}: ${await host.virsh(what, name)}`))
    // What they used meanwhile is no setting.
    return (await Promise.all(texts)).map((text) => text.replace(/CPU time.*/, ''))
  }
  const balloon = async (name: string) => Number(/Used memory: +(\d+)/.exec(await host.virsh('dominfo', name))?.[1])
  const memoryInside = async (name: string) => {
    const text = (await guests.get(name)?.shell('grep MemTotal /proc/meminfo')) ?? ''
    return Number(/(\d+) kB/.exec(text)?.[1]) / 1024
  }
  const domainsNow = async () => (await ask<Status>('status')).domains

  test('goals become weights, pins and memory; release leaves all as it was found', async (t) => {
    writeFileSync(policyFile, policyText(400, 200))
    const found = await shown()
    const before = await memoryInside('shop')
    const daemon = await up(t)
    await until(async () => Math.abs((await ratio()) - 2) < 0.1, 'shares of 2 to 1')
    assert.match(await host.virsh('vcpupin', 'shop'), /^ *0 +0$/m)
    await until(async () => (await memoryInside('shop')) < before - 50, 'the machine itself has less memory')
    const report = await ask<ReleaseReport>('release')
    assert.deepEqual(
      report.settings.map(({ result }) => result.kind).filter((kind) => kind !== 'restored'),
      [],
    )
    await until(async () => (await balloon('shop')) === MEMORY_MIB * 1024, 'the machine has its memory back')
    assert.deepEqual(await shown(), found)
    await ask('resume')
    await stop(daemon, 'SIGTERM')
  })

  test('release without a daemon asks where the policy looked, and forgets nothing while libvirt is down', async (t) => {
    writeFileSync(policyFile, policyText(400, 200))
    const daemon = await up(t)
    await until(async () => Math.abs((await ratio()) - 2) < 0.1, 'shares of 2 to 1')
    await stop(daemon, 'SIGTERM')
    await host.killDaemon()
    const whileDown = await reeve('release')
    await host.startDaemon()
    assert.equal(whileDown.code, 1)
    assert.ok(whileDown.stdout.includes(`it runs, but libvirt does not tell of it; asked were ${host.uri} (`))
    assert.ok(Math.abs((await ratio()) - 2) < 0.1, 'nothing was put back')
    const byHand = await reeve('release')
    assert.equal(byHand.code, 0, byHand.stdout + byHand.stderr)
    for (const name of NAMES) assert.equal(await shares(name), 1024)
    assert.match((await reeve('release')).stdout, /no setting that is still to be put back/)
  })

  test('the metadata of a machine narrows what the policy says of it, as far as that lets it', async (t) => {
    const allowing = policyText(400, 200).replace(
      'batch-*: { driver: libvirt }',
      'batch-*: { driver: libvirt, metadata: { pin: true, ignore: true } }',
    )
    writeFileSync(policyFile, allowing)
    const daemon = await up(t)
    const say = (words: string) =>
      host.virsh('metadata', 'batch-1', '--live', '--uri', 'urn:reeve:v1', '--key', 'reeve', '--set', words)
    await say('<domain pin="1" group="web"/>')
    await until(async () => /^ *0 +1$/m.test(await host.virsh('vcpupin', 'batch-1')), 'its pin is set')
    const batch = (await domainsNow()).find(({ name }) => name === 'batch-1')
    assert.deepEqual(batch?.refused, ['the policy allows it no group "web"'])
    await say('<domain group="&lt;script&gt;"/>')
    await until(async () => /^ *0 +0-1$/m.test(await host.virsh('vcpupin', 'batch-1')), 'it runs everywhere again')
    assert.match((await reeve('status')).stdout, /Metadata of batch-1: it is not one empty element/)
    assert.notEqual(await shares('batch-1'), 1024)
    await say('<domain ignore="yes"/>')
    await until(async () => (await shares('batch-1')) === 1024, 'what was set of it is put back')
    assert.equal((await domainsNow()).find(({ name }) => name === 'batch-1')?.mode, 'ignored')
    await host.virsh('metadata', 'batch-1', '--live', '--uri', 'urn:reeve:v1', '--remove')
    await ask('release')
    await ask('resume')
    await stop(daemon, 'SIGTERM')
  })

  test('what somebody else sets by virsh is left so and shown, until it is taken back', async (t) => {
    writeFileSync(policyFile, policyText(400, 200))
    const daemon = await up(t)
    await until(async () => Math.abs((await ratio()) - 2) < 0.1, 'shares of 2 to 1')
    await host.virsh('schedinfo', 'shop', '--live', 'cpu_shares=77')
    await host.virsh('vcpupin', 'shop', '0', '1', '--live')
    const driftOf = async () => (await ask<Status>('status')).turn?.drift.map(({ domain, knob }) => `${domain} ${knob}`)
    await until(async () => (await driftOf())?.length === 2, 'both are noticed')
    const { stdout } = await reeve('explain', 'shop')
    assert.match(stdout, /Somebody set cpu.weight of shop to 77, .*left so until 'reeve resume shop'/)
    writeFileSync(policyFile, policyText(450, 150))
    daemon.kill('SIGHUP')
    const before = (await ask<Status>('status')).turn?.turn ?? 0
    await until(async () => ((await ask<Status>('status')).turn?.turn ?? 0) > before + 4, 'turns under another policy')
    assert.equal(await shares('shop'), 77)
    assert.match(await host.virsh('vcpupin', 'shop'), /^ *0 +1$/m)
    await ask('resume', 'shop')
    await until(async () => Math.abs((await ratio()) - 3) < 0.1, 'shares of 3 to 1 once it is taken back')
    await until(async () => /^ *0 +0$/m.test(await host.virsh('vcpupin', 'shop')), 'its pin is set again')
    await until(async () => (await driftOf())?.length === 0, 'nothing is left of it')
    await ask('release')
    await ask('resume')
    await stop(daemon, 'SIGTERM')
  })

  test('libvirtd dies and comes back: turns go on meanwhile, and changes are made afterwards', async (t) => {
    writeFileSync(policyFile, policyText(400, 200))
    const daemon = await up(t)
    await until(async () => Math.abs((await ratio()) - 2) < 0.1, 'shares of 2 to 1')
    await host.killDaemon()
    writeFileSync(policyFile, policyText(450, 150))
    daemon.kill('SIGHUP')
    const { turn } = await ask<Status>('status')
    await until(async () => ((await ask<Status>('status')).turn?.turn ?? 0) > (turn?.turn ?? 0) + 5, 'five turns more')
    assert.deepEqual(
      (await domainsNow()).map(({ name, state }) => [name, state]),
      [
        ['shop', 'running'],
        ['batch-1', 'running'],
      ],
    )
    await host.startDaemon()
    await until(async () => Math.abs((await ratio()) - 3) < 0.1, 'shares of 3 to 1 once it is back')
    await stop(daemon, 'SIGTERM')
  })

  test('a libvirtd that hangs stops no turn, and keeps neither the daemon nor a release from ending', async (t) => {
    writeFileSync(policyFile, policyText(400, 200))
    const daemon = await up(t)
    await until(async () => Math.abs((await ratio()) - 2) < 0.1, 'shares of 2 to 1')
    host.haltDaemon()
    try {
      const turn = async () => (await ask<Status>('status')).turn?.turn ?? 0
      const before = await turn()
      await until(async () => (await turn()) > before + 5, 'five turns more')
      await within(15, stop(daemon, 'SIGTERM'))
      const { code, stdout } = await within(30, reeve('release'))
      assert.equal(code, 1)
      assert.match(stdout, /asked were \S+ \(it has not answered for \d+ s\)/)
    } finally {
      host.continueDaemon()
    }
    assert.equal((await reeve('release')).code, 0)
  })

  test('a machine that was destroyed takes nobody along, and is set anew when it is back', async (t) => {
    writeFileSync(policyFile, policyText(400, 200))
    const daemon = await up(t)
    await until(async () => Math.abs((await ratio()) - 2) < 0.1, 'shares of 2 to 1')
    await host.virsh('destroy', 'batch-1')
    await until(
      async () => !(await domainsNow()).some(({ name, state }) => name === 'batch-1' && state === 'running'),
      'it is not there',
    )
    await host.virsh('start', 'batch-1')
    await until(async () => Math.abs((await ratio()) - 2) < 0.1, 'shares of 2 to 1 again')
    await stop(daemon, 'SIGTERM')
  })
})
