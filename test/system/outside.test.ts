import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Status } from '#api/contract.ts'
import type { Change } from '#core/model/decision.ts'
import type { Policy } from '#core/model/policy.ts'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { connect } from '#drivers/libvirt/connection.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import { LibvirtMissing, loadLibvirt } from '#drivers/libvirt/library.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import type { Driver } from '#ports.ts'
import { domain } from '../conformance/cgroup-harness.ts'
import { reasonToSkip } from '../conformance/requirements.ts'
import { reeveIn, stop, until } from './reeve.ts'

/** Domains of which libvirt alone can tell, on the driver that it brings along for tests. */

const library = await loadLibvirt().catch((error: unknown) => {
  if (error instanceof LibvirtMissing) return error
  throw error
})
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const noLibrary = library instanceof LibvirtMissing && !required ? `no libvirt: ${library.message}` : false
const dir = temporaryDirOfFile('outside')
const HUNDRED = 100

describe('domains of another host', { skip: noLibrary || (await reasonToSkip('reeve-outside')) }, () => {
  if (library instanceof LibvirtMissing) throw library

  async function driverOf(t: TestContext, uri: string, name: string): Promise<Driver> {
    const groups = await createCgroupDriver({ outputDir: '/nonexistent' })
    const driver = createLibvirtDriver({ groups, uris: [uri] })
    t.after(async () => {
      await driver.close()
      await groups.close()
    })
    const domains = [domain(name, { kind: 'name' }, { driver: 'libvirt' })]
    const policy = { domains, metrics: [], host: { mode: 'manage', libvirt: [uri] } } as unknown as Policy
    const [prepared] = await driver.prepare(policy)
    assert.equal(prepared?.status, 'outside')
    assert.match(prepared?.status === 'outside' ? prepared.message : '', new RegExp(`on ${uri}, in no control group`))
    return driver
  }

  test('a hundred of them are seen, each turn with one call', async (t) => {
    const file = join(dir, 'hundred.xml')
    writeFileSync(file, hostXml(HUNDRED))
    const driver = await driverOf(t, `test://${file}`, 'vm-*')
    for (const slow of [true, false]) {
      const { domains, nodes } = await driver.observe(slow)
      assert.equal(domains.length, HUNDRED)
      assert.deepEqual(nodes, [])
      const [first] = domains
      assert.equal(first?.name, 'vm-0')
      assert.equal(first?.node, `libvirt:test://${file}/00000000-0000-4000-8000-000000000000`)
      assert.deepEqual([first?.state, first?.isOutside, first?.settings], ['running', true, {}])
      assert.deepEqual(first?.most, { cpu: 2000, memory: 256 * 1024 * 1024 })
    }
    const turns = 20
    const before = process.cpuUsage()
    for (let turn = 0; turn < turns; turn++) await driver.observe(false)
    const { user, system } = process.cpuUsage(before)
    t.diagnostic(`${(user + system) / 1000 / turns} ms of CPU a turn`)
  })

  test('what becomes of one shows in the next turn, and another start is another identity', async (t) => {
    // All that connect to this in one process share it.
    const uri = 'test:///default'
    const driver = await driverOf(t, uri, 'test')
    const other = await connect(library, uri)
    t.after(() => other.close())
    const see = async (slow = false) => (await driver.observe(slow)).domains[0]
    const found = await see(true)
    assert.ok((found?.counters['cpu'] ?? 0) > 0)
    const uuid = (await other.domains())[0]?.uuid as string
    await other.suspend(uuid)
    assert.equal((await see())?.state, 'paused')
    await other.resume(uuid)
    assert.equal((await see())?.state, 'running')
    assert.deepEqual(await other.domains().then(([one]) => one?.id), Number(found?.identity.split('/')[1]))
  })

  test('nothing of one can be set, and the driver says so', async (t) => {
    const driver = await driverOf(t, 'test:///default', 'test')
    const [seen] = (await driver.observe(true)).domains
    const node = seen?.node as NonNullable<typeof seen>['node']
    assert.equal(await driver.read(node, 'freeze'), null)
    const change = { driver: 'libvirt', node, knob: 'freeze', to: 1, identity: seen?.identity } as Change
    const outcome = await driver.apply(change, AbortSignal.timeout(5000))
    assert.match(outcome.status === 'failed' ? outcome.message : '', /in no control group of this host/)
    assert.equal((await driver.observe(true)).domains[0]?.state, 'running')
  })

  test('reeve up shows them, and says that they are not managed', async (t) => {
    const { policyFile, ask, up } = reeveIn(dir)
    writeFileSync(
      policyFile,
      `
apiVersion: reeve/v1
host: { mode: manage, interval: 200ms, libvirt: ["test:///default"] }
domains: { test: { driver: libvirt } }
goals:
  - { domain: test, kind: fixed, amounts: { cpu: 500m }, priority: 1 }
`,
    )
    const daemon = await up(t)
    await until(async () => (await ask<Status>('status')).turn !== null, 'a turn')
    await sleep(500)
    const { domains, goals, prepared, problems } = await ask<Status>('status')
    assert.deepEqual(
      domains.map(({ name, mode, state, amounts }) => ({ name, mode, state, amounts })),
      [{ name: 'test', mode: 'outside', state: 'running', amounts: {} }],
    )
    assert.deepEqual(goals, [])
    assert.deepEqual(problems, { journal: null, turn: null })
    assert.deepEqual(
      prepared.map((one) => one.status),
      ['outside'],
    )
    await stop(daemon, 'SIGTERM')
  })
})

/** A host of the test driver with so many domains of 256 MiB and two vCPUs. */
function hostXml(count: number): string {
  const domains = Array.from({ length: count }, (_, i) => {
    const uuid = `${i.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`
    return `<domain type='test'><name>vm-${i}</name><uuid>${uuid}</uuid><memory>262144</memory><vcpu>2</vcpu>
      <os><type>hvm</type></os></domain>`
  })
  return `<node>${domains.join('')}</node>`
}
