import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Change } from '#core/model/decision.ts'
import type { DomainPolicy, Match, Policy } from '#core/model/policy.ts'
import { type CgroupDriver, createCgroupDriver, sweep } from '#drivers/cgroup/driver.ts'
import { childrenOf, makeGroup, moveInto, processesIn, removeGroup } from '#drivers/cgroup/groups.ts'
import { dirOf } from '#drivers/cgroup/layout.ts'
import { membersOf } from '#drivers/cgroup/members.ts'
import { monotonicMs } from '#drivers/cgroup/monotonic.ts'
import { temporaryDir, temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import type { Prepared } from '#ports.ts'
import { BUSY, domain, groupDir, policyOf, shell } from './cgroup-harness.ts'
import { reasonToSkip } from './requirements.ts'

/** What only the cgroup driver does: it starts commands, adopts groups, and cleans up after itself. */

const ROOT = 'reeve-conformance-own'
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const outputDir = temporaryDirOfFile('conformance-own')

describe('cgroup: domains of its own and of others', { skip: await reasonToSkip(ROOT) }, () => {
  let driver: CgroupDriver
  before(async () => {
    await sweep(ROOT)
    driver = await createCgroupDriver({ root: ROOT, outputDir })
  })
  after(async () => {
    await driver?.stopCommands()
    await driver?.close()
  })

  test('a command runs as its user, inside its group from the start, with its output kept', async () => {
    const script = 'id -u; id -G; cat /proc/self/cgroup; echo "$GREETING"'
    const match = shell(script) as Extract<Match, { kind: 'command' }>
    const command = { ...match.command, environment: { GREETING: 'good morning' } }
    await prepare(driver, domain('polite', { kind: 'command', command }))
    await until(() => readFileSync(join(outputDir, 'polite.log'), 'utf8').includes('morning'))
    const lines = readFileSync(join(outputDir, 'polite.log'), 'utf8').trim().split('\n')
    assert.notEqual(lines[0], '0')
    assert.equal(lines[1]?.split(' ').length, 1, 'supplementary groups are left')
    assert.ok(lines.some((line) => line.endsWith(`/${ROOT}/polite`)))
    assert.equal(lines.at(-1), 'good morning')
  })

  test('a command that ended is shown as ended, and is not started again', async () => {
    const brief = domain('brief', shell('echo once'))
    assert.equal((await prepare(driver, brief))[0]?.status, 'started')
    await until(async () => (await seen(driver, 'brief'))?.state === 'ended')
    assert.equal((await prepare(driver, brief))[0]?.status, 'absent')
    assert.equal(readFileSync(join(outputDir, 'brief.log'), 'utf8'), 'once\n')
  })

  test('what cannot be started says why, and leaves nothing', async () => {
    const [forbidden, uninterpreted] = ['forbidden', 'uninterpreted'].map((name) => join(outputDir, name)) as [
      string,
      string,
    ]
    chmodSync(outputDir, 0o755)
    writeFileSync(forbidden, '#!/bin/sh\n', { mode: 0o700 })
    writeFileSync(uninterpreted, '#!/no/such/interpreter\n', { mode: 0o755 })
    const cases: [string, Partial<Extract<Match, { kind: 'command' }>['command']>, RegExp][] = [
      ['stranger', { user: 'no-such-user' }, /no user no-such-user/],
      ['lost', { directory: '/no/such/directory' }, /\/no\/such\/directory/],
      [
        'mistyped',
        { argv: ['no-such-program'] },
        /no program no-such-program in .*\/usr\/bin:.*; name it by its whole path/,
      ],
      ['absent', { argv: ['/no/such/program'] }, /no program \/no\/such\/program$/],
      ['forbidden', { argv: [forbidden] }, /user nobody cannot run .*forbidden: the shell ended with 126; .*log says/],
      ['uninterpreted', { argv: [uninterpreted] }, /user nobody cannot run .*: the shell ended with 12[67]/],
      ['../out', {}, /its name/],
    ]
    for (const [name, wrong, message] of cases) {
      const match = shell('true') as Extract<Match, { kind: 'command' }>
      const command = { ...match.command, ...wrong }
      const [prepared] = await prepare(driver, domain(name, { kind: 'command', command }))
      assert.equal(prepared?.status, 'failed')
      assert.match(prepared?.status === 'failed' ? prepared.message : '', message)
      assert.ok(!existsSync(groupDir(driver, name)))
    }
  })

  test('a policy is checked against what the groups above leave of the host', async (t) => {
    const path = `${driver.layout.rootPath}/narrow`
    // Version 2 has no domains beside processes: those of a daemon in `daemon` lie in the group above it.
    makeGroup(driver.layout, `${path}/daemon`)
    t.after(() => removeGroup(driver.layout, path))
    assert.equal((await apply(driver, path, 'cpu.quota', 700)).status, 'applied')
    const policy = join(outputDir, 'policy.yaml')
    writeFileSync(policy, 'apiVersion: reeve/v1\ndomains: { a: { path: /a } }\n', { mode: 0o644 })
    const waiting = ['-c', 'read -r moved; exec "$@"', 'sh', process.execPath, ...process.execArgv]
    const child = spawn('/bin/sh', [...waiting, MAIN, 'check', policy, '--json'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    moveInto(driver.layout, `${path}/daemon`, child.pid as number)
    child.stdin.end('go\n')
    const ended = once(child, 'close')
    const answer = await text(child.stdout)
    assert.deepEqual(await ended, [0, null], 'the exit code and the signal of `reeve check`')
    const { capacity } = JSON.parse(answer) as { capacity: { cpu: number } }
    assert.equal(capacity.cpu, 700)
  })

  test('children of a parent live inside its group, and the parent adds them up', async () => {
    const inside = { parent: 'team' as never }
    await prepare(
      driver,
      domain('team', { kind: 'parent' }),
      domain('first', shell(BUSY), inside),
      domain('second', shell(BUSY), inside),
    )
    await sleep(300)
    const { domains, nodes, capacity } = await driver.observe(false)
    const cpu = (name: string) => domains.find((one) => one.name === name)?.counters['cpu'] ?? Number.NaN
    // They ran on between the first reading and the last; version 2 brings sums up to date once in a while.
    const [from, to] = [domains[0]?.takenAtMs as number, domains.at(-1)?.takenAtMs as number]
    const most = 100 + ((capacity['cpu']?.total as number) * (to - from)) / 1000
    const apart = Math.abs(cpu('team') - cpu('first') - cpu('second'))
    assert.ok(cpu('team') > 0 && apart <= most, `${apart} millicore-seconds apart, ${most} expected at most`)
    const first = nodes.find((node) => node.id.endsWith('/team/first'))
    assert.ok(first?.parent?.endsWith('/team'))
    await remove(driver, 'team')
  })

  test('a group that somebody else made is adopted by path or by a glob, and never removed', async (t) => {
    const path = `${driver.layout.rootPath}/theirs-1`
    makeGroup(driver.layout, path)
    const child = spawn('/bin/sh', ['-c', BUSY], { stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    moveInto(driver.layout, path, child.pid as number)
    for (const one of [domain('theirs', { kind: 'path', path }), domain('theirs-*', { kind: 'name' })]) {
      const [prepared] = await prepare(driver, one)
      assert.equal(prepared?.status, 'running')
      const [found] = (await driver.observe(true)).domains
      assert.equal(found?.node, path)
      assert.equal((await apply(driver, path, 'cpu.weight', 77)).status, 'applied')
      assert.equal((await driver.observe(false)).domains[0]?.settings['cpu.weight'], 77)
    }
    await driver.prepare(policyOf())
    assert.ok(existsSync(groupDir(driver, 'theirs-1')) && child.exitCode === null)
  })

  test('threads are found in groups that come and go below a group', async (t) => {
    const { layout } = driver
    const path = `${layout.rootPath}/nested`
    const aside = `${layout.rootPath}/aside`
    t.after(() => removeGroup(layout, path))
    t.after(() => removeGroup(layout, aside))
    const below = (name: string) => `${path}/${name}`
    makeGroup(layout, path)
    makeGroup(layout, aside)
    const members = membersOf(layout, path)
    t.after(() => members.close())
    assert.deepEqual(members.threads(), [])
    const sleeper = spawn('sleep', ['60'], { stdio: 'ignore' })
    t.after(() => sleeper.kill('SIGKILL'))
    const pid = sleeper.pid as number
    moveInto(layout, path, pid)
    assert.deepEqual(members.threads(), [pid])
    moveInto(layout, aside, pid)
    assert.deepEqual(members.threads(), [])
    makeGroup(layout, below('one'))
    moveInto(layout, below('one'), pid)
    assert.deepEqual(members.threads(), [pid])
    // Another group in its place: as many as before.
    makeGroup(layout, below('two'))
    moveInto(layout, below('two'), pid)
    assert.deepEqual(members.threads(), [pid])
    await removeGroup(layout, below('one'))
    makeGroup(layout, below('three'))
    moveInto(layout, below('three'), pid)
    assert.deepEqual(members.threads(), [pid])
    assert.ok(members.some())
    moveInto(layout, aside, pid)
    makeGroup(layout, `${below('three')}/deep`)
    moveInto(layout, `${below('three')}/deep`, pid)
    assert.deepEqual(members.threads(), [pid])
    await removeGroup(layout, below('three'))
    assert.deepEqual(members.threads(), [])
    assert.ok(!members.some())
  })

  test('what is kept open of a group is closed with it', async (t) => {
    const path = `${driver.layout.rootPath}/short-lived`
    makeGroup(driver.layout, path)
    t.after(() => removeGroup(driver.layout, path))
    const { domains } = policyOf(domain('short-lived', { kind: 'path', path }))
    const watched = driver.watch({ name: 'short-lived', policy: domains[0] as DomainPolicy, policyIndex: 0, path })
    assert.ok(watched)
    assert.ok(watched.observe(true, 0))
    assert.ok(openBelow(path).length > 0)
    watched.close()
    assert.deepEqual(openBelow(path), [])
  })

  test('siblings that nobody manages count with their weight while something runs in them', async (t) => {
    makeGroup(driver.layout, `${driver.layout.rootPath}/idle`)
    makeGroup(driver.layout, `${driver.layout.rootPath}/other`)
    const child = spawn('sleep', ['60'], { stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    moveInto(driver.layout, `${driver.layout.rootPath}/other`, child.pid as number)
    assert.equal((await apply(driver, `${driver.layout.rootPath}/other`, 'cpu.weight', 444)).status, 'applied')
    await prepare(driver, domain('mine', shell(BUSY)))
    const root = (await driver.observe(true)).nodes.find((node) => node.id === driver.layout.rootPath)
    const theirs = existsSync(groupDir(driver, 'theirs-1')) ? 77 : 0
    assert.ok(root?.unmanagedWeight === 444 || root?.unmanagedWeight === 444 + theirs, `${root?.unmanagedWeight}`)
    await remove(driver, 'mine')
  })

  test('CPUs that are taken from the groups above and given back show in the capacity', async (t) => {
    const dir = dirOf(driver.layout, 'cpuset', driver.layout.rootPath)
    await prepare(driver, domain('steady', shell('sleep 60')))
    const { topology, capacity } = await driver.observe(true)
    if (dir === null || topology.cpus.length < 2) return t.skip('needs a cpuset controller and two CPUs')
    const all = readFileSync(`${dir}/cpuset.cpus`, 'utf8').trim()
    const own = `${dir}/steady/cpuset.cpus`
    // Version 1 lets a parent be narrowed only after its children.
    const first = `${topology.cpus[0]?.id}`
    if (driver.layout.version === 1) narrowAll(dir, first)
    writeFileSync(`${dir}/cpuset.cpus`, first)
    assert.equal((await driver.observe(false)).capacity['cpu']?.total, 1000)
    assert.equal((await driver.observe(false)).topology.cpus.length, 1)
    writeFileSync(`${dir}/cpuset.cpus`, all === '' ? topology.cpus.map(({ id }) => id).join() : all)
    assert.deepEqual((await driver.observe(false)).capacity['cpu']?.total, capacity['cpu']?.total)
    if (driver.layout.version === 1) assert.equal(readFileSync(own, 'utf8').trim(), all, 'it follows its parent')
    await remove(driver, 'steady')
  })

  test('packets are counted for domains that share a network', async (t) => {
    const packets = driver.capabilities.find((capability) => capability.name === 'packets')
    if (packets?.available !== true) return t.skip(`${packets?.reason}; ${packets?.remedy}`)
    const argv = [process.execPath, '-e', TALK] as [string, ...string[]]
    const command = { argv, user: 'nobody', directory: '/', environment: {} }
    const domains = [domain('talker', { kind: 'command', command }), domain('quiet', shell('sleep 60'))]
    await prepare(driver, ...domains)
    await until(() => readFileSync(join(outputDir, 'talker.log'), 'utf8').includes('done'))
    const lookedAtMs = monotonicMs()
    await driver.look?.()
    const sent = { 'net.txPackets': 20, 'net.tx': 20 * (100 + UDP_HEADERS) }
    const received = { 'net.rxPackets': 20, 'net.rx': 20 * (100 + UDP_HEADERS) }
    const told = (await seen(driver, 'talker'))?.told
    assert.deepEqual(told?.counters, { ...sent, ...received })
    assert.ok(told.atMs >= lookedAtMs && told.atMs <= monotonicMs())
    assert.equal((await seen(driver, 'quiet'))?.told?.counters['net.txPackets'], 0)
    // A metric made of packets has them counted in each turn.
    const metrics = [{ source: { kind: 'counter', counter: 'net.txPackets' } }]
    await driver.prepare({ ...policyOf(...domains), metrics } as unknown as Policy)
    await until(async () => {
      const talker = (await driver.observe(false)).domains.find(({ name }) => name === 'talker')
      return talker?.counters['net.txPackets'] === 20 && talker.counters['net.rxPackets'] === 20
    })
    await remove(driver, 'talker', 'quiet')
  })

  test('a domain in a network namespace of its own has the counters of its interfaces', async (t) => {
    // Two ends of one wire greet each other as soon as they are up: packets of the kernel's own, which no socket has.
    const wire = 'ip link add one type veth peer name two && ip link set one up && ip link set two up && echo wired'
    const argv = ['unshare', '--net', '/bin/sh', '-c', `${wire} || echo failed; sleep 60`] as [string, ...string[]]
    const command = { argv, user: 'root', directory: '/', environment: {} }
    await prepare(driver, domain('apart', { kind: 'command', command }))
    await until(() => /wired|failed/.test(readFileSync(join(outputDir, 'apart.log'), 'utf8')))
    if (!readFileSync(join(outputDir, 'apart.log'), 'utf8').includes('wired')) return t.skip('no veth in this kernel')
    await until(async () => ((await seen(driver, 'apart'))?.counters['net.rxPackets'] ?? 0) > 0)
    await remove(driver, 'apart')
  })

  test('a unit of systemd is found and set through systemctl', (t) => setUnit(t, driver))

  test('sweep removes what a killed run left: processes, groups, rules', async () => {
    const root = `${ROOT}-killed`
    const program = `
      import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
      const driver = await createCgroupDriver({ root: '${root}', outputDir: '${outputDir}' })
      const command = { argv: ['/bin/sh', '-c', 'sleep 100 & while :; do :; done'], user: 'nobody', directory: '/', environment: {} }
      const orphan = { name: 'orphan', driver: 'cgroup', match: { kind: 'command', command }, parent: null, controls: [], shares: {}, scheduling: null }
      await driver.prepare({ domains: [orphan], metrics: [] })
      console.log('ready')
      setInterval(() => {}, 1000)`
    const run = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      cwd: join(import.meta.dirname, '..', '..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(run, 'exit').then(() => assert.fail('it ended before it was ready'))
    await Promise.race([once(run.stdout, 'data'), ended])
    run.kill('SIGKILL')
    await once(run, 'exit')
    const dir = groupDir(driver).replace(ROOT, root)
    const orphans = processesIn(`${dir}/orphan`)
    assert.ok(orphans.length > 0, 'a command outlives the driver')
    assert.ok((await sweep(root)) >= orphans.length)
    assert.ok(!existsSync(dir))
    assert.ok(orphans.every((pid) => !existsSync(`/proc/${pid}`) || isZombie(pid)))
    assert.equal(await sweep(root), 0)
  })
})

/** Headers of IPv4 and UDP, in bytes. */
const UDP_HEADERS = 28
/** Sends itself twenty datagrams of 100 bytes. */
const TALK = `
const dgram = require('node:dgram')
const server = dgram.createSocket('udp4'), client = dgram.createSocket('udp4')
let received = 0
server.on('message', () => { if (++received === 20) { console.log('done'); setTimeout(() => {}, 60000) } })
server.bind(0, '127.0.0.1', () => {
  for (let n = 0; n < 20; n++) client.send(Buffer.alloc(100), server.address().port, '127.0.0.1')
})`

/** Machines without systemd as their first process have a stand-in that keeps to systemctl's own grammar. */
/** Files of the group that this process has open. */
function openBelow(path: string): string[] {
  const open = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      // That of the listing itself.
      return []
    }
  })
  return open.filter((file) => file.includes(`${path}/`))
}

async function setUnit(t: TestContext, outer: CgroupDriver): Promise<void> {
  const unit = 'reeve-conformance.service'
  const path = `/${unit}`
  const dir = `${outer.layout.base.mount}${path}`
  const file = outer.layout.version === 1 ? 'cpu.shares' : 'cpu.weight'
  const property = outer.layout.version === 1 ? 'CPUShares' : 'CPUWeight'
  const bin = temporaryDir(t)
  writeFileSync(
    join(bin, 'systemctl'),
    `#!/bin/sh
case "$*" in
"show -p Version --value") echo 999 ;;
"show -p ControlGroup --value -- ${unit}") echo ${path} ;;
"set-property --runtime -- ${unit} ${property}="*) echo "\${5#*=}" > ${dir}/${file}; echo "$*" >> ${bin}/calls ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac
`,
  )
  chmodSync(join(bin, 'systemctl'), 0o755)
  const found = process.env['PATH']
  process.env['PATH'] = `${bin}${delimiter}${found}`
  mkdirSync(dir, { recursive: true })
  t.after(() => {
    process.env['PATH'] = found
    rmdirSync(dir)
  })
  const driver = await createCgroupDriver({ root: `${ROOT}-unit`, outputDir })
  t.after(() => driver.close())
  const [prepared] = await prepare(driver, domain('web', { kind: 'unit', unit }))
  assert.equal(prepared?.status, 'running')
  const outcome = await apply(driver, path, 'cpu.weight', 250)
  assert.equal(outcome.status, 'applied', JSON.stringify(outcome))
  assert.equal(readFileSync(`${dir}/${file}`, 'utf8').trim(), '250')
  assert.match(readFileSync(join(bin, 'calls'), 'utf8'), new RegExp(`--runtime -- ${unit} ${property}=250`))
}

async function prepare(driver: CgroupDriver, ...domains: ReturnType<typeof domain>[]): Promise<readonly Prepared[]> {
  return driver.prepare(policyOf(...domains))
}

function apply(driver: CgroupDriver, node: string, knob: Change['knob'], to: Change['to']) {
  const change = { driver: 'cgroup', node, domain: null, identity: null, knob, to } as unknown as Change
  return driver.apply(change, AbortSignal.timeout(5000))
}

async function seen(driver: CgroupDriver, name: string) {
  return (await driver.observe(true)).domains.find((one) => one.name === name)
}

/** Removes domains, so that the next test does not compete with them. */
async function remove(driver: CgroupDriver, ...names: string[]): Promise<void> {
  for (const name of names) await removeGroup(driver.layout, `${driver.layout.rootPath}/${name}`)
}

/** Every group directly below gets the set. */
function narrowAll(dir: string, cpus: string): void {
  for (const name of childrenOf(dir)) writeFileSync(`${dir}/${name}/cpuset.cpus`, cpus)
}

function isZombie(pid: number): boolean {
  return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 15_000
  while (!(await holds())) {
    assert.ok(performance.now() < untilMs, 'it did not come true in 15 s')
    await sleep(20)
  }
}
