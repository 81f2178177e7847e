import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { parse, stringify } from 'yaml'
import type { ReleaseReport, Status } from '#api/contract.ts'
import { type BedGuest, type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import { sweep } from '#drivers/cgroup/driver.ts'
import { makeGroup, moveInto } from '#drivers/cgroup/groups.ts'
import { findLayout, type Layout } from '#drivers/cgroup/layout.ts'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { reeveIn, stop, until } from './reeve.ts'

/** From a host as found to one that is managed: `reeve discover`, `check`, `up` and `release` on machines of others. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`
const dir = temporaryDirOfFile('discover')
const { policyFile, plain, ask, up } = reeveIn(dir)

/** The second is no name for a policy. */
const NAMES = ['shop', 'batch büro'] as const
/** As policies name them. */
const OURS: readonly string[] = ['shop', 'batch-b-ro']
const MEMORY_MIB = 200
/** What libvirt's own client says of a machine that Reeve may set. */
const SHOWN = ['schedinfo', 'vcpupin', 'emulatorpin', 'dominfo'] as const

describe('reeve discover on machines', { skip, timeout: 300_000 }, () => {
  let host: BedHost
  const guests = new Map<string, BedGuest>()
  let isOver = false

  before(async () => {
    host = await startHost('discover')
    for (const name of NAMES) guests.set(name, await host.start({ name, memoryMib: MEMORY_MIB }))
    for (const name of NAMES) {
      await until(async () => /Used memory: +204800 /.test(await host.virsh('dominfo', name)), 'its balloon is full')
    }
    await host.virsh('schedinfo', 'shop', '--live', '--set', 'vcpu_quota=80000')
    await host.virsh('schedinfo', NAMES[1], '--live', '--set', 'cpu_shares=2048')
  })
  after(async () => {
    isOver = true
    await host?.stop()
  })

  /** Until the test is over, with more than one request under way, so that it never waits. */
  function keepBusy(name: string): void {
    const work = async () => {
      while (!isOver) await guests.get(name)?.work(1000)
    }
    for (let i = 0; i < 4; i++) work().catch(() => {})
  }
  const discover = (...uris: string[]) =>
    plain('discover', '--seconds', '1', ...uris.flatMap((uri) => ['--libvirt', uri]))
  const shown = async () => {
    const texts = NAMES.flatMap((name) => SHOWN.map(async (what) => `${name}: ${await host.virsh(what, name)}`))
    // What they used meanwhile is no setting.
    return (await Promise.all(texts)).map((text) => text.replace(/CPU time.*/, ''))
  }
  const shares = async (name: string) => Number(/cpu_shares *: (\d+)/.exec(await host.virsh('schedinfo', name))?.[1])
  /** The lines of one domain. */
  const entry = (policy: string, name: string) => new RegExp(`^ {2}${name}: .*\n(?: {4}.*\n)+`, 'm').exec(policy)?.[0]

  /** The policy, to be acted on, of the machines here alone: whatever else runs on this host is left alone. */
  const managing = (text: string): string => {
    const policy = parse(text)
    const isOurs = (name: string) => OURS.includes(name)
    const domains = Object.fromEntries(Object.entries(policy.domains).filter(([name]) => isOurs(name)))
    const goals = policy.goals.filter((goal: { domain: string }) => isOurs(goal.domain))
    return stringify({ ...policy, host: { ...policy.host, mode: 'manage' }, domains, goals })
  }

  test('proposes what is found, each machine once, and a connection that is silent stops nothing', async () => {
    const { code, stdout } = await discover(host.uri, 'qemu+unix:///system?socket=/nonexistent')
    assert.equal(code, 0)
    assert.match(stdout, /^# The machines of \S+\/nonexistent are not here: not running: /m)
    assert.match(
      entry(stdout, 'shop') ?? '',
      /# machine of 1 vCPU and 200 MiB, used .*\n {4}driver: libvirt\n {4}cpu: \{ limit: 800m \}\n {4}memory: \{ reservation: 200MiB, limit: 200MiB \}\n$/,
    )
    const batch = entry(stdout, 'batch-b-ro') ?? ''
    assert.match(batch, /# machine "batch büro" of 1 vCPU/)
    assert.ok(batch.includes(`    uuid: ${await host.virsh('domuuid', NAMES[1])}\n    cpu: { weight: 2 }\n`), batch)
    const paths = [...stdout.matchAll(/^ {4}path: "(.*)"$/gm)].map(([, path]) => path as string)
    assert.ok(!paths.some((path) => path.startsWith(host.cgroup)), 'nor is a group named that is theirs or holds them')
  })

  test('what it writes can be used: checked, then managing, then released as found', async (t) => {
    const found = await shown()
    const { stdout } = await discover(host.uri)
    writeFileSync(policyFile, stdout)
    const checked = await plain('check', policyFile)
    assert.equal(checked.code, 0, checked.stdout + checked.stderr)
    writeFileSync(policyFile, managing(stdout))
    keepBusy('shop')
    const daemon = await up(t)
    // The busy one is given what it wants, and the other what is left: it was the other way round as found.
    await until(async () => (await shares('shop')) > (await shares(NAMES[1])), 'the busy machine has the larger weight')
    const { domains } = await ask<Status>('status')
    assert.deepEqual(
      domains.map(({ name, state }) => [name, state]).sort(),
      OURS.map((name) => [name, 'running']).sort(),
    )
    await stop(daemon, 'SIGTERM')
    // Without a daemon, on the connection that the policy named.
    const report = await ask<ReleaseReport>('release')
    assert.deepEqual([...new Set(report.settings.map(({ result }) => result.kind))], ['restored'])
    assert.deepEqual(await shown(), found)
  })

  test('machines of libvirt that no connection tells of are counted, and are no groups', async (t) => {
    const root = 'reeve-system-discover'
    const layout = findLayout(root) as Layout
    const group = `${layout.rootPath}/qemu-1-other.libvirt-qemu/emulator`
    makeGroup(layout, group)
    t.after(() => sweep(root))
    const task = spawn('sleep', ['60'], { stdio: 'ignore' })
    t.after(() => task.kill())
    moveInto(layout, group, task.pid as number)
    const { stdout } = await discover(host.uri)
    assert.match(stdout, /^# \d+ control groups? of other machines of libvirt found/m)
    assert.ok(!stdout.includes(root), stdout)
  })
})
