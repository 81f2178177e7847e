/** libvirt through its shared library, on the driver that it brings along for tests: no daemon and no guest is needed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '#drivers/libvirt/connection.ts'
import { LibvirtError, LibvirtMissing, loadLibvirt } from '#drivers/libvirt/library.ts'

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
