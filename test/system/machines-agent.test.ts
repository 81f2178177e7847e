import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { ReleaseReport, Status } from '#api/contract.ts'
import { type BedGuest, type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import type { Change, Outcome } from '#core/model/decision.ts'
import type { DomainObservation, Knob, Setting } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { type CgroupDriver, createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { threadsOf } from '#drivers/cgroup/members.ts'
import { composeDrivers } from '#drivers/compose.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import type { Driver } from '#ports.ts'
import { domain } from '../conformance/cgroup-harness.ts'
import { reeveIn, stop, until } from './reeve.ts'

/** What goes through a guest's agent, on real guests: vCPUs that are parked, woken and plugged in; agents that fail. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`

const dir = temporaryDirOfFile('agents')
const { policyFile, reeve, ask, up } = reeveIn(dir)

const PORT = '/dev/virtio-ports/org.qemu.guest_agent.0'
/** Says two vCPUs are in use, and yes to every request to change that. Reading ends while the host has it not open. */
const DEAF = `exec 5<>${PORT}
while sleep 0.1; do
  while read -r line <&5; do
    id=\${line##*'"id":'}
    case "$line" in
      *guest-sync*) echo "{\\"return\\":\${id%%\\}*}}" ;;
      *guest-get-vcpus*) echo '{"return":[{"logical-id":0,"online":true,"can-offline":false},{"logical-id":1,"online":true,"can-offline":true}]}' ;;
      *) echo '{"return":1}' ;;
    esac >&5
  done
done`
/** Refuses in words that would clear a terminal. */
const RUDE = DEAF.replace(
  /(guest-get-vcpus\*\)).*/,
  `$1 echo '{"error":{"class":"GenericError","desc":"\\u001b[2Jgone"}}' ;;`,
)
/** Says what is no answer, and does not stop. */
const GARBLED = `while :; do echo '{"return": garbage'; done >${PORT}`

describe('guests and their agents', { skip, timeout: 300_000 }, () => {
  let host: BedHost
  let guest: BedGuest
  let groups: CgroupDriver
  let driver: Driver

  before(async () => {
    host = await startHost('agents')
    const bare = host.start({ name: 'bare', agent: false })
    guest = await host.start({ name: 'able', vcpus: 2, maxVcpus: 4 })
    await bare
    groups = await createCgroupDriver({ outputDir: '/nonexistent' })
    driver = composeDrivers([createLibvirtDriver({ groups, uris: [host.uri] }), groups])
    const domains = ['able', 'bare'].map((name) =>
      domain(name, { kind: 'name' }, { driver: 'libvirt', vcpus: { least: 1, most: 4 } }),
    )
    await driver.prepare({ domains, metrics: [], host: { libvirt: [host.uri] } } as unknown as Policy)
    await until(async () => (await see('able')).settings['cpu.count'] === 2, 'the agent has told of two vCPUs')
  })
  after(async () => {
    await driver?.close()
    await host?.stop()
  })

  async function see(name: string): Promise<DomainObservation> {
    await driver.look?.()
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

  const isConnected = async () =>
    /name='org.qemu.guest_agent.0' state='connected'/.test(await host.virsh('dumpxml', 'able'))

  /** Runs a script in the place of the agent, until the test is over. */
  async function replaceAgent(t: TestContext, script: string): Promise<void> {
    const text = Buffer.from(script).toString('base64')
    await guest.shell(`kill -9 $(cat /run/qemu-ga.pid); echo ${text} | base64 -d >/run/agent.sh`)
    await until(async () => !(await isConnected()), 'libvirt sees that the agent is gone')
    await guest.shell('setsid sh /run/agent.sh >/dev/null 2>&1 & echo $! >/run/agent.pid')
    await until(isConnected, 'libvirt sees another')
    t.after(() => until(restoredAgent, 'the agent answers again'))
  }

  /** What the other has said and libvirt has not read yet is rubbish to it still, and costs a new agent its connection. */
  async function restoredAgent(): Promise<boolean> {
    await guest.shell('kill -9 $(cat /run/agent.pid /run/qemu-ga.pid) 2>/dev/null; sleep 0.3; rm -f /run/qemu-ga.pid')
    await guest.shell('qemu-ga -d -t /run -f /run/qemu-ga.pid; sleep 1')
    return (await read('able', 'cpu.count').catch(() => null)) !== null
  }

  /** The others are managed as ever, no look takes long, and the reason is told. */
  async function othersGoOn(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      const began = performance.now()
      await driver.look?.()
      await driver.observe(true)
      const tookMs = performance.now() - began
      assert.ok(tookMs < 3000, `looking took ${tookMs} ms`)
    }
    for (const name of ['bare', 'able']) {
      await set(name, 'cpu.weight', 777)
      await set(name, 'cpu.weight', 1024)
    }
  }
  const reasonTold = async () => (await see('able')).lacks?.['cpu.count']
  const mostOf = ({ most }: DomainObservation) => [most?.['cpu'], most?.['cpu.count']]

  test('a guest parks and wakes vCPUs, and what it uses is what it says', async () => {
    await set('able', 'cpu.count', 1)
    assert.equal(await inside(), '0')
    await set('able', 'cpu.count', 2)
    assert.equal(await inside(), '0-1')
    assert.equal(await read('able', 'cpu.count'), 2)
  })

  test('the scheduling class is that of the vCPU threads and of no others, also of those plugged in', async () => {
    const { node, settings } = await see('able')
    const classes = () => {
      const all = threadsOf(groups.layout, node)
      const vcpus = [0, 1, 2, 3].flatMap((vcpu) => threadsOf(groups.layout, `${node}/vcpu${vcpu}`))
      const others = all.filter((thread) => !vcpus.includes(thread))
      assert.ok(others.length > 0)
      return { vcpus: vcpus.map(classOf), others: new Set(others.map(classOf)) }
    }
    assert.equal(settings.sched, 'other:0:0')
    await set('able', 'sched', 'batch:0:0')
    assert.deepEqual(classes(), { vcpus: [BATCH, BATCH], others: new Set([OTHER]) })

    await set('able', 'cpu.set', '0')
    await set('able', 'cpu.count', 4)
    assert.equal(await inside(), '0-3')
    assert.equal(await cpusOf('able'), 4)
    assert.deepEqual(classes(), { vcpus: [BATCH, BATCH, BATCH, BATCH], others: new Set([OTHER]) })
    assert.equal((await see('able')).settings.sched, 'batch:0:0')
    assert.equal((await see('able')).settings['cpu.set'], '0', 'new vCPUs are pinned like the others')
    assert.deepEqual(mostOf(await see('able')), [4000, 4])

    await set('able', 'sched', 'other:0:0')
    await set('able', 'cpu.count', 2)
    assert.equal(await inside(), '0-1')
    assert.equal(await cpusOf('able'), 4, 'none is ever pulled out')
  })
  const cpusOf = async (name: string) => Number(/^CPU\(s\): +(\d+)$/m.exec(await host.virsh('dominfo', name))?.[1])

  test('what cannot be is refused, with the reason, and changes nothing', async () => {
    const cases: [Setting, RegExp][] = [
      [5, /setting cpu\.count of able to 5 on qemu.*greater than max allowable vcpus/],
      [0, /a whole number from 1/],
      [1.5, /a whole number from 1/],
      [null, /a whole number from 1/],
    ]
    for (const [to, message] of cases) {
      const outcome = await apply('able', 'cpu.count', to)
      assert.match(outcome.status === 'failed' ? outcome.message : outcome.status, message)
    }
    assert.equal(await inside(), '0-1')
    assert.equal((await see('able')).settings['cpu.count'], 2)
  })

  test('vCPUs that are parked take no CPU', async () => {
    await set('able', 'cpu.count', 1)
    assert.deepEqual(mostOf(await see('able')), [1000, 4])
    await set('able', 'cpu.count', 2)
  })

  test('without an agent there is no such knob', async () => {
    const { settings, lacks } = await see('bare')
    assert.equal(settings['cpu.count'], undefined)
    assert.match(lacks?.['cpu.count'] ?? '', /no channel for a guest agent/)
    assert.equal(await read('bare', 'cpu.count'), undefined)
  })

  test('asking leaves no mark on the machine', async () => {
    assert.doesNotMatch(await host.virsh('dominfo', 'able'), /agent/)
  })

  test('an agent that does not answer costs its guest the knob, and nobody else anything', async (t) => {
    await guest.shell('kill -STOP $(cat /run/qemu-ga.pid)')
    const began = performance.now()
    const outcome = await apply('able', 'cpu.count', 1)
    assert.match(outcome.status === 'failed' ? outcome.message : outcome.status, /Guest agent is not responding/)
    assert.ok(performance.now() - began < 4000)
    assert.equal((await see('able')).settings['cpu.count'], undefined)
    await assert.rejects(read('able', 'cpu.count'), /reading cpu\.count of able: .*not responding/)
    await othersGoOn()
    assert.match((await reasonTold()) ?? '', /not responding/)
    t.after(async () => {
      await guest.shell('kill -CONT $(cat /run/qemu-ga.pid)')
      await until(async () => (await see('able')).settings['cpu.count'] === 2, 'it is asked again, and answers')
      assert.equal(await reasonTold(), undefined)
    })
  })

  test('a guest that says yes and does nothing is not believed', async (t) => {
    await replaceAgent(t, DEAF)
    await until(async () => (await read('able', 'cpu.count').catch(() => null)) === 2, 'it says two')
    const outcome = await apply('able', 'cpu.count', 1)
    assert.equal(outcome.status === 'failed' && outcome.code, 'EPENDING')
    assert.match(outcome.status === 'failed' ? outcome.message : '', /the guest was asked, and uses 2/)
    assert.equal((await see('able')).settings['cpu.count'], 2)
    await othersGoOn()
  })

  test('the words of a guest are shown without what moves a cursor', async (t) => {
    await replaceAgent(t, RUDE)
    await assert.rejects(read('able', 'cpu.count'), /\\u\{1b\}\[2Jgone/)
    assert.match((await reasonTold()) ?? '', /\\u\{1b\}\[2Jgone/)
  })

  test('rubbish without end is no answer', async (t) => {
    await replaceAgent(t, GARBLED)
    await assert.rejects(read('able', 'cpu.count'), /reading cpu\.count of able: .*error/)
    await othersGoOn()
    assert.equal((await see('able')).settings['cpu.count'], undefined)
  })

  test('a libvirtd that hangs keeps nobody for long who asks an agent', async (t) => {
    const { node } = await see('able')
    host.haltDaemon()
    t.after(async () => {
      host.continueDaemon()
      await until(async () => (await read('able', 'cpu.count').catch(() => null)) === 2, 'it answers again')
    })
    const began = performance.now()
    await assert.rejects(driver.read(node, 'cpu.count'), /libvirt did not come back within 5 s/)
    assert.ok(performance.now() - began < 7000)
  })

  const policyText = () => `
apiVersion: reeve/v1
host: { mode: manage, interval: 500ms, cooldown: 0s, libvirt: ["${host.uri}"] }
domains:
  able: { driver: libvirt, vcpus: 1-2 }
goals:
  - { domain: able, kind: fixed, amounts: { cpu: 400m }, priority: 1 }
`

  test('vCPUs that a machine does not need are parked, and release wakes them', async (t) => {
    writeFileSync(policyFile, policyText())
    const daemon = await up(t)
    await until(async () => (await inside()) === '0', 'one vCPU does')
    const { settings } = await ask<ReleaseReport>('release')
    assert.equal(settings.find(({ knob }) => knob === 'cpu.count')?.result.kind, 'restored')
    assert.equal(await inside(), '0-1')
    await ask('resume')
    await stop(daemon, 'SIGTERM')
  })

  test('turns go on where an agent does not answer, and `reeve explain` says so', async (t) => {
    await guest.shell('kill -STOP $(cat /run/qemu-ga.pid)')
    t.after(() => guest.shell('kill -CONT $(cat /run/qemu-ga.pid)'))
    writeFileSync(policyFile, policyText())
    const daemon = await up(t)
    const turn = async () => (await ask<Status>('status')).turn?.turn ?? 0
    const first = await turn()
    await until(async () => /cpu\.count of able cannot be set: .*not responding/.test(await explained()), 'it is said')
    await until(async () => (await turn()) > first + 5, 'five turns more')
    await stop(daemon, 'SIGTERM')
  })
  const explained = async () => (await reeve('explain', 'able')).stdout
})

/** Of <linux/sched.h>. */
const OTHER = 0
const BATCH = 3

/** Field 41 of /proc/PID/stat, counted behind the name, which may hold anything. */
function classOf(thread: number): number {
  const stat = readFileSync(`/proc/${thread}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38])
}
