/** libvirt through its shared library, most of it on the driver that it brings along for tests; no guest is needed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { bedAvailable, startHost } from '#bed/host.ts'
import { agentsOf } from '#drivers/libvirt/agents.ts'
import { connect } from '#drivers/libvirt/connection.ts'
import { LibvirtError, LibvirtMissing, loadLibvirt } from '#drivers/libvirt/library.ts'
import { linkTo } from '#drivers/libvirt/link.ts'
import type { Machine } from '#drivers/libvirt/machine.ts'

const library = await loadLibvirt().catch((error: unknown) => {
  if (error instanceof LibvirtMissing) return error
  throw error
})
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = library instanceof LibvirtMissing && !required ? `no libvirt: ${library.message}` : false

test('libvirt through its shared library', { skip }, async (t) => {
  if (library instanceof LibvirtMissing) throw library

  await t.test('domains are seen by name and UUID, with their counters', async (t) => {
    const connection = await connect(library, 'test:///default')
    t.after(() => connection.close())
    assert.equal(await connection.isAlive(), true)
    const [domain, ...others] = await connection.stats(['state'])
    assert.deepEqual(others, [])
    assert.equal(domain?.name, 'test')
    assert.match(domain?.uuid ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.equal(domain?.stats.get('state.state'), 1)
  })

  await t.test('events are heard, and waiting for them costs nothing, also on another connection later', async (t) => {
    for (let i = 0; i < 2; i++) {
      const connection = await connect(library, 'test:///default')
      let heard = 0
      await connection.listen(() => heard++)
      const [domain] = await connection.stats(['state'])
      await connection.suspend(domain?.uuid as string)
      const deadline = Date.now() + 10_000
      while (heard === 0 && Date.now() < deadline) await sleep(20)
      assert.ok(heard > 0, 'a machine was paused, and nobody heard of it')
      const before = process.cpuUsage()
      await sleep(1000)
      const { user, system } = process.cpuUsage(before)
      t.diagnostic(`${(user + system) / 1000} ms of CPU in a second of waiting`)
      assert.ok(user + system < 500_000, `${user + system} us of CPU in a second of waiting`)
      await connection.close()
    }
  })

  await t.test('a guest agent is asked no more on a connection that the policy no longer names', async () => {
    const link = linkTo('test:///default', null)
    const machine = { link } as Machine
    const agents = agentsOf(() => performance.now())
    const mayEnd = Promise.withResolvers<void>()
    const isOpen = Promise.withResolvers<void>()
    const first = agents.use(machine, () => {
      isOpen.resolve()
      return mayEnd.promise
    })
    await isOpen.promise
    const second = agents.use(machine, (connection) => connection.isAlive())
    const refused = assert.rejects(second, /let go of/)
    await agents.follow([])
    mayEnd.resolve()
    await first
    await refused
    assert.ok(await agents.use(machine, (connection) => connection.isAlive()), 'and is opened anew when it is needed')
    await agents.close()
  })

  await t.test('what libvirt refuses comes with its own words, also off the main thread', async (t) => {
    await assert.rejects(connect(library, 'test:///no/such/file.xml'), (error: unknown) => {
      assert.ok(error instanceof LibvirtError)
      assert.match(error.message, /virConnectOpen: .*no\/such\/file\.xml/)
      return true
    })
    const connection = await connect(library, 'test:///default')
    t.after(() => connection.close())
    await assert.rejects(connection.scheduler('00000000-0000-4000-8000-000000000000'), /Domain not found/)
    // What failed before is no reason for what works.
    assert.equal((await connection.stats(['state'])).length, 1)
  })

  await t.test('of many connections that fail at once each has its own reason', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `no-such-${i}`)
    const opened = await Promise.allSettled(names.map((name) => connect(library, `test:///${name}.xml`)))
    for (const [i, one] of opened.entries()) {
      assert.match(one.status === 'rejected' ? `${one.reason}` : 'it was opened', new RegExp(`${names[i]}`))
    }
  })

  await t.test('a connection is closed once, and not called any more', async () => {
    const connection = await connect(library, 'test:///default')
    await Promise.all([connection.close(), connection.close()])
    await connection.close()
    await assert.rejects(connection.isAlive(), /not called, as the connection is closed/)
    await assert.rejects(
      connection.listen(() => {}),
      /not called, as the connection is closed/,
    )
  })

  await t.test('a use that does not end is left behind', async (t) => {
    const link = linkTo('test:///default', null)
    t.after(() => link.close())
    await assert.rejects(
      link.use(() => sleep(6000)),
      /libvirt did not come back within 5 s/,
    )
  })
})

const bed = bedAvailable()
const skipBed = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`

test('a connection that died is replaced once, however many used it', { skip: skipBed }, async (t) => {
  const host = await startHost('link')
  t.after(() => host.stop())
  const link = linkTo(host.uri, null)
  t.after(() => link.close())
  const dead = await link.use(async (connection) => connection)
  await host.killDaemon()
  await host.startDaemon()
  const replaced = Promise.withResolvers<void>()
  const late = link.use(async (connection) => {
    await replaced.promise
    await connection.versions()
  })
  const early = [link.use((connection) => connection.versions()), link.use((connection) => connection.versions())]
  for (const use of early) await assert.rejects(use, LibvirtError)
  await assert.rejects(dead.versions(), LibvirtError)
  const fresh = await link.use(async (connection) => connection)
  assert.ok((await fresh.versions()).libvirt > 0)
  replaced.resolve()
  await assert.rejects(late, LibvirtError)
  // It is still open, and was not replaced by the failure of one that had the other.
  assert.ok((await fresh.versions()).libvirt > 0)
  assert.ok((await link.use((connection) => connection.versions())).libvirt > 0)
})
