import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type BedGuest, type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import { loadLibvirt } from '#drivers/libvirt/library.ts'
import { visit } from '#drivers/libvirt/visit.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { reeveIn, stop, until } from './reeve.ts'

/** `reeve doctor` on a host with machines, some of which lack something, and with a libvirtd that does not answer. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`
const dir = temporaryDirOfFile('doctor')
const { policyFile, reeve, up } = reeveIn(dir)
/** A name that turns the text behind it around. */
const ODD = 'odd \u202e name'

describe('reeve doctor on machines', { skip, timeout: 300_000 }, () => {
  let host: BedHost
  let shop: BedGuest

  before(async () => {
    host = await startHost('doctor')
    shop = await host.start({ name: 'shop' })
    await host.start({ name: ODD, agent: false })
    await host.virsh('dommemstat', ODD, '--live', '--period', '0')
  })
  after(async () => {
    await host?.stop()
  })

  /** What it says of libvirt. */
  async function doctor(...args: readonly string[]): Promise<string> {
    const { stdout, stderr } = await reeve('doctor', ...args)
    assert.equal(stderr, '')
    return stdout.slice(stdout.indexOf('libvirt: library') - 'ok       '.length)
  }

  test('says what each machine has, and what it lacks', async () => {
    await until(async () => /usable/.test(await host.virsh('dommemstat', 'shop')), 'the guest tells of its memory')
    const said = await doctor('--libvirt', host.uri)
    assert.match(said, /^ok +libvirt: library: version \d+\.\d+\.\d+$/m)
    assert.ok(said.includes(`ok       libvirt: ${host.uri}: libvirt `))
    const group = `${host.cgroup}/machine/qemu-1-shop.libvirt-qemu`
    const has = `is emulated (TCG), in ${group}, its agent answers, balloon statistics every 1 s`
    assert.ok(said.includes(`ok       libvirt: machine "shop": ${has}\n`), said)
    assert.match(said, /^ok +libvirt: machine "odd \\u\{202e\} name": is emulated/m)
    assert.match(said, /^without +libvirt: machine "odd \\u\{202e\} name", guest agent: none is configured$/m)
    assert.match(said, /^without +libvirt: machine "odd \\u\{202e\} name", balloon statistics: off$/m)
    const uuid = await host.virsh('domuuid', ODD)
    assert.ok(said.includes(`to have it: virsh -c '${host.uri}' dommemstat ${uuid} --live --period 10\n`), said)
    assert.ok(!said.includes('\u202e'))
  })

  test('an agent that does not answer is given two seconds, and is not one that is not there', async () => {
    const agent = await shop.shell('cat /run/qemu-ga.pid')
    await shop.shell(`kill -STOP ${agent}`)
    const startedAt = performance.now()
    assert.match(
      await doctor('--libvirt', host.uri),
      /^without +libvirt: machine "shop", guest agent: does not answer: /m,
    )
    const ms = performance.now() - startedAt
    assert.ok(ms < 10_000, `${ms} ms`)
    await shop.shell(`kill -CONT ${agent}`)
  })

  test('without --libvirt it looks where the last policy looked', async (t) => {
    writeFileSync(
      policyFile,
      `apiVersion: reeve/v1\nhost: { libvirt: ["${host.uri}"] }\ndomains: { shop: { driver: libvirt } }\n`,
    )
    assert.ok(!(await doctor()).includes(host.uri))
    await stop(await up(t), 'SIGTERM')
    assert.ok((await doctor()).includes(`ok       libvirt: ${host.uri}: `))
  })

  test('who may not use a connection is told so', async () => {
    await loadLibvirt()
    process.seteuid?.(65_534)
    try {
      const visited = await visit(host.uri, async () => {})
      assert.ok(!visited.answers)
      assert.match(visited.reason, /^no permission: .*Permission denied/)
      assert.match(visited.remedy ?? '', /as root/)
    } finally {
      process.seteuid?.(0)
    }
  })

  test('a libvirtd that hangs, or does not run, is said to, and keeps nobody', async () => {
    host.haltDaemon()
    try {
      assert.match(await doctor('--libvirt', host.uri), /^without +libvirt: \S+: it does not answer in time$/m)
    } finally {
      host.continueDaemon()
    }
    await host.killDaemon()
    try {
      assert.match(await doctor('--libvirt', host.uri), /^without +libvirt: \S+: not running: /m)
    } finally {
      await host.startDaemon()
    }
  })
})
