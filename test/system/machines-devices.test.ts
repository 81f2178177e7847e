import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { History, ReleaseReport, Status } from '#api/contract.ts'
import { type BedGuest, type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import { runOn } from '#bed/network.ts'
import type { Outcome } from '#core/model/decision.ts'
import type { ResourceKey } from '#core/model/ids.ts'
import type { DomainObservation, Knob, Setting } from '#core/model/observation.ts'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { parsePolicy } from '#policy/parse.ts'
import type { Driver } from '#ports.ts'
import { reeveIn, stop, until } from './reeve.ts'

/** Disks and networks of machines: what is moved is counted, and limits limit it. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`

const MIB = 1024 * 1024
/** Whatever else a guest reads or sends by itself meanwhile. */
const BESIDE = 0.2
const dir = temporaryDirOfFile('devices')
const { policyFile, ask, up } = reeveIn(dir)

describe('disks and networks of machines', { skip, timeout: 300_000 }, () => {
  let host: BedHost
  let driver: Driver
  let left: BedGuest
  let right: BedGuest

  before(async () => {
    host = await startHost('devices')
    left = await host.start({ name: 'left', disksMib: [64, 64], emptyDrive: true, address: '10.78.0.2/24' })
    right = await host.start({ name: 'right', balloon: false, address: '10.78.0.3/24' })
    driver = await driverOf()
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
  left: { driver: libvirt, controls: [cpu, memory, io.read, io.write, net.rx, net.tx] }
  right: { driver: libvirt, controls: [cpu, memory, io.read, io.write, net.rx, net.tx] }
`
  const driverOf = async (): Promise<Driver> => {
    const groups = await createCgroupDriver({ outputDir: '/nonexistent' })
    const made = createLibvirtDriver({ groups, uris: [host.uri] })
    const parsed = parsePolicy(policyText(host.uri), { file: 'policy.yaml' })
    assert.ok(parsed.ok, JSON.stringify(parsed))
    await made.prepare(parsed.policy)
    return made
  }
  const seen = async (name: string, by = driver): Promise<DomainObservation> => {
    await by.look?.()
    const { domains } = await by.observe(true)
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
    const before = (await seen(name)).told?.counters ?? {}
    await work()
    const now = (await seen(name)).told?.counters ?? {}
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
  })

  test('a machine without a balloon has no knob for memory, and an empty drive is no disk', async () => {
    const { settings, lacks } = await seen('right')
    assert.equal(settings['memory.balloon'], undefined)
    assert.equal(lacks?.['memory.balloon'], 'the machine has no balloon')
    const its = await seen('left')
    assert.equal(its.settings['memory.balloon'], 128 * MIB)
    assert.deepEqual(its.lacks, {})
    assert.match(await host.virsh('domblklist', 'left'), /sda +-/)
  })

  const set = async (name: string, knob: Knob, to: Setting): Promise<Outcome> => {
    const { node, identity, settings } = await seen(name)
    const resource = knob.replace('.limit', '') as ResourceKey
    const common = {
      driver: 'libvirt',
      domain: null,
      direction: 'neutral',
      because: { kind: 'limit', resource, limit: null },
    } as const
    const change = { ...common, node, identity, knob, resource, from: settings[knob] ?? null, to }
    return driver.apply(change, AbortSignal.timeout(20_000))
  }
  const isApplied = (outcome: Outcome, to: Setting) => {
    assert.equal(outcome.status, 'applied', JSON.stringify(outcome))
    assert.equal(outcome.to, to)
  }
  const seconds = async (work: () => Promise<unknown>) => {
    const startedMs = performance.now()
    await work()
    return (performance.now() - startedMs) / 1000
  }
  /** Reads as much of each of its disks at the same time, none of it from its own memory. */
  const readBoth = (kib: number) =>
    left.shell(
      `echo 3 >/proc/sys/vm/drop_caches; ${onBoth((disk) => `dd if=/dev/${disk} of=/dev/null bs=64k count=${kib / 64}`)}`,
    )
  /** In small pieces: a request as large as all of it passes a limit at once, and it is the next one that waits. */
  const writeBoth = (kib: number) =>
    left.shell(
      onBoth((disk) => {
        const piece = `dd if=/dev/zero of=/dev/${disk} bs=64k count=1 seek=$i conv=fsync`
        return `for i in $(seq ${kib / 64}); do ${piece} || exit 1; done`
      }),
    )
  /** Both at the same time; fails where one fails. */
  const onBoth = (command: (disk: string) => string) =>
    `(${command('vda')}) & first=$!; (${command('vdb')}) & second=$!; wait $first && wait $second`
  const LIMIT = 512 * 1024
  /** At the limit it takes 4 s. */
  const MOVED_KIB = 2048

  for (const [knob, what, work] of [
    ['io.read.limit', 'reads from all its disks together', () => readBoth(MOVED_KIB / 2)],
    ['io.write.limit', 'writes to all its disks together', () => writeBoth(MOVED_KIB / 2)],
    ['net.tx.limit', 'sends', () => send(left, right, '10.78.0.3', MOVED_KIB)],
    ['net.rx.limit', 'receives', () => send(right, left, '10.78.0.2', MOVED_KIB)],
  ] as const) {
    test(`${knob} limits what a machine ${what}, and nothing of it stays`, async (t) => {
      const network = async () => [await runOn(host, 'tc', 'qdisc', 'show'), await runOn(host, 'ip', '-br', 'link')]
      const found = [await host.virsh('dumpxml', 'left'), ...(await network())]
      assert.equal((await seen('left')).settings[knob], null)
      isApplied(await set('left', knob, 4 * LIMIT), 4 * LIMIT)
      isApplied(await set('left', knob, LIMIT), LIMIT)
      assert.equal((await seen('left')).settings[knob], LIMIT)
      assert.deepEqual((await driver.read((await seen('left')).node, knob))?.value, LIMIT)
      const limited = await seconds(work)
      isApplied(await set('left', knob, null), null)
      assert.equal((await seen('left')).settings[knob], null)
      const free = await seconds(work)
      t.diagnostic(`${MOVED_KIB} KiB in ${limited.toFixed(1)} s limited, in ${free.toFixed(1)} s free`)
      assert.ok(limited > 2.5 && limited < 15, `${limited} s for 4 s of work`)
      assert.ok(free < 0.8 * limited, `${free} s without the limit, ${limited} s with it`)
      assert.deepEqual([await host.virsh('dumpxml', 'left'), ...(await network())], found)
    })
  }

  test('disks that somebody limits one by one are left alone', async () => {
    await host.virsh('blkdeviotune', 'left', 'vda', '--read-bytes-sec', '1048576')
    assert.equal((await seen('left')).settings['io.read.limit'], undefined)
    assert.equal((await seen('left')).settings['net.tx.limit'], null)
    assert.match((await seen('left')).lacks?.['io.read.limit'] ?? '', /somebody else limits its disks/)
    assert.equal((await seen('right')).lacks?.['io.read.limit'], 'the machine has no such device')
    const outcome = await set('left', 'io.read.limit', LIMIT)
    assert.ok(outcome.status === 'failed' && /somebody else limits them one by one/.test(outcome.message))
    await host.virsh('blkdeviotune', 'left', 'vda', '--read-bytes-sec', '0')
    assert.equal((await seen('left')).settings['io.read.limit'], null)
  })

  test('how fast a machine changes its memory is measured', async (t) => {
    const noise = 'while :; do dd if=/dev/urandom of=/run/noise bs=1M count=20; done'
    await left.shell(`(${noise}) >/dev/null 2>&1 & echo $! >/run/noise.pid`)
    t.after(() => left.shell('kill $(cat /run/noise.pid)'))
    await until(async () => (await left.shell('ls /run')).includes('noise\n'), 'it writes')
    // It is measured once a minute, and at first sight.
    const fresh = await driverOf()
    t.after(() => fresh.close())
    const rateOf = async (name: string) => (await seen(name, fresh)).levels['memory.dirtyRate']
    // While it is measured there is none, and before that the one that another measured.
    let [busy, idle]: (number | undefined)[] = []
    await until(async () => {
      ;[busy, idle] = [await rateOf('left'), await rateOf('right')]
      return busy !== undefined && idle !== undefined && busy > idle
    }, 'both are measured, and the one that writes changes more')
    t.diagnostic(`${busy} bytes/s while it writes, ${idle} while it does not`)
    assert.ok(busy !== undefined && busy < 1024 * MIB)
  })

  const upText = (read: string) => `
apiVersion: reeve/v1
host: { mode: manage, interval: 500ms, cooldown: 0s, libvirt: ["${host.uri}"] }
resources:
  io.read: { capacity: 100MiB }
  net.tx: { capacity: 100MiB }
domains:
  left: { driver: libvirt, io.read: { limit: ${read} }, net.tx: { limit: 3MiB } }
  right: { driver: libvirt }
goals:
  - { domain: left, kind: utilization, resource: io.read, target: 50%, priority: 1 }
`
  const readLimit = async (disk: string) =>
    Number(/read_bytes_sec *: (\d+)/.exec(await host.virsh('blkdeviotune', 'left', disk))?.[1])
  const sendLimit = async () => (await seen('left')).settings['net.tx.limit']

  test('limits of a policy are set on a machine, its reading is a goal, and release takes them away', async (t) => {
    writeFileSync(policyFile, upText('5MiB'))
    const daemon = await up(t)
    await until(async () => (await readLimit('vda')) === 5 * MIB && (await readLimit('vdb')) === 5 * MIB, '5 MiB/s')
    await until(async () => (await sendLimit()) === 3 * MIB, 'a limit of what it sends')
    // Slow counters are read each 10 s; the rate is that of all the time between.
    await until(async () => {
      await readBoth(1024)
      const [goal] = (await ask<Status>('status')).goals
      return (goal?.need['io.read' as ResourceKey] ?? 0) > 0
    }, 'what it reads is known')
    const report = await ask<ReleaseReport>('release')
    assert.deepEqual(
      report.settings.map(({ result }) => result.kind).filter((kind) => kind !== 'restored'),
      [],
    )
    assert.deepEqual([await readLimit('vda'), await readLimit('vdb'), await sendLimit()], [0, 0, null])
    await ask('resume')
    await stop(daemon, 'SIGTERM')
  })

  test('where libvirt refuses one change the others are made, and its words are on record', async (t) => {
    // A burst that is allowed to be less than the new limit is what libvirt does not take.
    for (const disk of ['vda', 'vdb']) {
      const burst = ['--read-bytes-sec', `${MIB}`, '--read-bytes-sec-max', `${2 * MIB}`, '--group-name', 'hand']
      await host.virsh('blkdeviotune', 'left', disk, ...burst)
    }
    // The one before may have set limits once more when it ended, and would take this for somebody else's doing.
    const fresh = join(dir, 'fresh')
    mkdirSync(fresh)
    const { policyFile, reeve, ask, up } = reeveIn(fresh)
    writeFileSync(policyFile, upText('5MiB'))
    const daemon = await up(t)
    await until(async () => (await sendLimit()) === 3 * MIB, 'a limit of what it sends')
    let turn = 0
    await until(async () => {
      const { turns } = await ask<History>('history')
      const refused = turns.find(({ changes }) => changes.some(({ outcome }) => outcome?.status === 'failed'))
      turn = refused?.turn ?? 0
      return turn > 0
    }, 'a change is refused')
    const { stdout } = await reeve('explain', 'left', '--turn', `${turn}`)
    assert.match(stdout, /io\.read\.limit.*read_bytes_sec_max/s)
    assert.equal(await readLimit('vda'), MIB)
    await ask('release')
    await stop(daemon, 'SIGTERM')
  })
})
