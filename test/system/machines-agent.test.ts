import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type BedGuest, type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import type { Change, Outcome } from '#core/model/decision.ts'
import type { DomainObservation, Knob, Setting } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { composeDrivers } from '#drivers/compose.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import type { Driver } from '#ports.ts'
import { domain } from '../conformance/cgroup-harness.ts'
import { until } from './reeve.ts'

/** What goes through a guest's agent, on real guests: vCPUs that are parked, woken and plugged in. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`

describe('guests and their agents', { skip, timeout: 300_000 }, () => {
  let host: BedHost
  let guest: BedGuest
  let driver: Driver

  before(async () => {
    host = await startHost('agents')
    const bare = host.start({ name: 'bare', agent: false })
    guest = await host.start({ name: 'able', vcpus: 2, maxVcpus: 4 })
    await bare
    const groups = await createCgroupDriver({ outputDir: '/nonexistent' })
    driver = composeDrivers([createLibvirtDriver({ groups, uris: [host.uri] }), groups])
    const domains = ['able', 'bare'].map((name) => domain(name, { kind: 'name' }, { driver: 'libvirt' }))
    await driver.prepare({ domains, host: { libvirt: [host.uri] } } as unknown as Policy)
    await until(async () => (await see('able')).settings['cpu.count'] === 2, 'the agent has told of two vCPUs')
  })
  after(async () => {
    await driver?.close()
    await host?.stop()
  })

  async function see(name: string): Promise<DomainObservation> {
    const found = (await driver.observe(true)).domains.find((one) => one.name === name)
    assert.ok(found, `${name} is not observed`)
    return found
  }
  async function apply(name: string, knob: Knob, to: Setting): Promise<Outcome> {
    const { node, identity } = await see(name)
    const change = { driver: 'libvirt', node, knob, to, identity } as unknown as Change
    return driver.apply(change, AbortSignal.timeout(5000))
  }
  async function set(name: string, knob: Knob, to: Setting): Promise<void> {
    const outcome = await apply(name, knob, to)
    assert.equal(outcome.status, 'applied', JSON.stringify(outcome))
    assert.equal((await see(name)).settings[knob], to)
  }
  const read = async (name: string, knob: Knob) => (await driver.read((await see(name)).node, knob))?.value
  const inside = () => guest.shell('cat /sys/devices/system/cpu/online')

  test('a guest parks and wakes vCPUs, and what it uses is what it says', async () => {
    await set('able', 'cpu.count', 1)
    assert.equal(await inside(), '0')
    await set('able', 'cpu.count', 2)
    assert.equal(await inside(), '0-1')
    assert.equal(await read('able', 'cpu.count'), 2)
  })

  test('without an agent there is no such knob', async () => {
    const { settings } = await see('bare')
    assert.equal(settings['cpu.count'], undefined)
    assert.equal(await read('bare', 'cpu.count'), undefined)
  })
})
