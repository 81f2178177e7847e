/** libvirt through its shared library, on the driver that it brings along for tests: no daemon and no guest is needed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
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
})
