import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type BedGuest, type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import type { DomainObservation } from '#core/model/observation.ts'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import { parsePolicy } from '#policy/parse.ts'
import type { Driver } from '#ports.ts'

/** Disks and networks of machines: what is moved is counted, and limits limit it. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`

const MIB = 1024 * 1024
/** Whatever else a guest reads or sends by itself meanwhile. */
const BESIDE = 0.2

describe('disks and networks of machines', { skip, timeout: 300_000 }, () => {
  let host: BedHost
  let driver: Driver
  let left: BedGuest
  let right: BedGuest

  before(async () => {
    host = await startHost('devices')
    left = await host.start({ name: 'left', disksMib: [64, 64], address: '10.78.0.2/24' })
    right = await host.start({ name: 'right', address: '10.78.0.3/24' })
    driver = createLibvirtDriver({
      groups: await createCgroupDriver({ outputDir: '/nonexistent' }),
      uris: [host.uri],
    })
    const parsed = parsePolicy(policyText(host.uri), { file: 'policy.yaml' })
    assert.ok(parsed.ok, JSON.stringify(parsed))
    await driver.prepare(parsed.policy)
  })
  after(async () => {
    await driver?.close()
    await host?.stop()
  })

  const policyText = (uri: string) => `
apiVersion: reeve/v1
host: { mode: manage, libvirt: ["${uri}"] }
resources:
  io.read: { capacity: 100MiB }
  io.write: { capacity: 100MiB }
  net.rx: { capacity: 100MiB }
  net.tx: { capacity: 100MiB }
domains:
  left: { driver: libvirt, controls: [cpu, io.read, io.write, net.rx, net.tx] }
  right: { driver: libvirt, controls: [cpu, io.read, io.write, net.rx, net.tx] }
`
  const seen = async (name: string): Promise<DomainObservation> => {
    const { domains } = await driver.observe(true)
    const found = domains.find((one) => one.name === name)
    assert.ok(found)
    return found
  }
  /** Sends so much from one to the other; resolves when it has arrived. */
  const send = async (from: BedGuest, to: BedGuest, address: string, kib: number) => {
    await to.shell('nc -l -p 5000 -e dd of=/dev/null bs=64k 2>/dev/null >&2 & echo $! >/run/listener')
    await to.shell('until netstat -ltn | grep -q :5000; do sleep 0.05; done')
    await from.shell(`nc ${address} 5000 -e dd if=/dev/zero bs=64k count=${kib / 64}`)
    await to.shell('while kill -0 $(cat /run/listener) 2>/dev/null; do sleep 0.05; done')
  }
  /** What each of these counters grew by while it worked. */
  const growth = async (name: string, counters: readonly string[], work: () => Promise<unknown>) => {
    const before = (await seen(name)).counters
    await work()
    const { counters: now } = await seen(name)
    return counters.map((counter) => (now[counter] as number) - (before[counter] as number))
  }
  const isAbout = (found: number | undefined, mib: number) =>
    assert.ok(found !== undefined && found >= mib * MIB && found < mib * MIB * (1 + BESIDE), `${found} of ${mib} MiB`)

  test('what a machine reads and writes is counted over all its disks', async () => {
    const counters = ['io.read', 'io.write', 'io.readOps', 'io.writeOps']
    const [read, written, reads, writes] = await growth('left', counters, async () => {
      for (const disk of ['vda', 'vdb']) {
        await left.shell(`dd if=/dev/${disk} of=/dev/null bs=64k count=64`)
        await left.shell(`dd if=/dev/zero of=/dev/${disk} bs=64k count=32 conv=fsync`)
      }
    })
    isAbout(read, 8)
    isAbout(written, 4)
    assert.ok(reads !== undefined && reads > 0 && writes !== undefined && writes > 0)
  })

  test('what a machine sends and receives is counted from its own side', async () => {
    const counters = ['net.tx', 'net.rx', 'net.txPackets', 'net.rxPackets', 'net.txDrops', 'net.rxDrops']
    const [sent, answered, packets] = await growth('left', counters, () => send(left, right, '10.78.0.3', 8 * 1024))
    isAbout(sent, 8)
    assert.ok(answered !== undefined && answered > 0 && answered < MIB)
    assert.ok(packets !== undefined && packets > 100)
    const [received] = await growth('left', ['net.rx'], () => send(right, left, '10.78.0.2', 8 * 1024))
    isAbout(received, 8)
  })

  test('a machine without a disk has nothing to say of disks', async () => {
    const { counters } = await seen('right')
    assert.equal(counters['io.read'], undefined)
    assert.equal(counters['net.rxBytes'], undefined, 'what QEMU itself sends is not what its machine sends')
  })
})
