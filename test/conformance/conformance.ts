import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Change, Outcome } from '#core/model/decision.ts'
import type { DomainObservation, Knob, Setting } from '#core/model/observation.ts'
import type { Driver, DriverObservation } from '#ports.ts'

/**
 * What every driver has to keep of the contract in src/ports.ts, shown by effects: not that a file holds a number, but
 * that a domain with three times the weight does three times the work. The margins are wide, for machines that others
 * use too.
 */
export interface Harness {
  readonly driver: Driver
  /** The driver that sets its domains, where several look as one. */
  readonly kind: string
  /** Starts `left` and `right`, which work as fast as they can, and `eater`, which asks for 100 MB after a while. */
  start(): Promise<void>
  /** Units of work that a domain has done so far. */
  work(name: string): number | Promise<number>
  /** CPUs on which its threads ran last. */
  cpus(name: string): readonly number[]
  /** Takes a domain away behind the driver's back. */
  destroy(name: string): Promise<void>
  close(): Promise<void>
}

const MIB = 1024 * 1024
const WINDOW_MS = 1500

export function conformance(name: string, makeHarness: () => Promise<Harness>, skip: string | false): void {
  describe(`conformance: ${name}`, { skip }, () => {
    let harness: Harness
    before(async () => {
      harness = await makeHarness()
      await harness.start()
    })
    after(() => harness?.close())
    const at = (): Workbench => workbench(harness)

    // First, before the eater has eaten.
    test('a memory limit is never passed', (t) => memoryLimit(t, at()))
    test('observations are whole', () => wholeObservation(at()))
    test('counters only grow, and CPU time is told in millicore-seconds', () => counters(at()))
    test('weights 3 to 1 on one CPU give about 3 to 1 of the work', (t) => weights(t, at()))
    test('a quota of 200 millicores gives about a fifth of a CPU', (t) => quota(t, at()))
    test('a pinned domain runs only there', (t) => pinning(t, at()))
    test('a frozen domain does no work until it is thawed', (t) => freezing(t, at()))
    test('the scheduling class is read back from the threads', (t) => scheduling(t, at()))
    test('every knob reads back what was set, and release restores what was found', () => restoring(at()))
    test('what the kernel refuses is a failed outcome that names what was attempted', () => refusal(at()))
    test('a change meant for an earlier domain of that name is not made', () => identity(at()))
    test('a change whose time is up is not made', () => deadline(at()))
    test('a domain that vanished is an outcome, and absent', () => vanishing(at()))
  })
}

/** The harness with what nearly every test does. */
interface Workbench extends Harness {
  see(name: string): Promise<DomainObservation>
  apply(change: Partial<Change> & Pick<Change, 'node' | 'knob' | 'to'>, signal?: AbortSignal): Promise<Outcome>
  /** Sets, insists that it was applied, and puts the value found back when the test is over. */
  set(t: TestContext, name: string, knob: Knob, to: Setting): Promise<void>
  /** Work of several domains in the same window. */
  workOf(names: readonly string[], windowMs?: number): Promise<number[]>
}

function workbench(harness: Harness): Workbench {
  const { driver } = harness
  const see = async (name: string): Promise<DomainObservation> => {
    await driver.look?.()
    const found = (await driver.observe(true)).domains.find((domain) => domain.name === name)
    assert.ok(found, `${name} is not observed`)
    return found
  }
  const apply: Workbench['apply'] = (change, signal = AbortSignal.timeout(5000)) =>
    driver.apply(
      {
        driver: harness.kind,
        domain: null,
        identity: null,
        resource: 'cpu' as Change['resource'],
        from: null,
        direction: 'neutral',
        because: { kind: 'scheduling' },
        ...change,
      },
      signal,
    )
  const set: Workbench['set'] = async (t, name, knob, to) => {
    const { node, identity } = await see(name)
    const original = await driver.read(node, knob)
    assert.ok(original, `${knob} of ${name} cannot be read`)
    const outcome = await apply({ node, identity, knob, to })
    assert.equal(outcome.status, 'applied', JSON.stringify(outcome))
    t.after(async () => assert.equal((await apply({ node, knob, to: original.value })).status, 'applied', knob))
  }
  const workOf: Workbench['workOf'] = async (names, windowMs = WINDOW_MS) => {
    const start = await Promise.all(names.map((name) => harness.work(name)))
    await sleep(windowMs)
    const end = await Promise.all(names.map((name) => harness.work(name)))
    return end.map((work, index) => work - (start[index] as number))
  }
  return { ...harness, driver, see, apply, set, workOf }
}

/** Skips, visibly and with the driver's own reason, what it says it cannot do here. */
function can(t: TestContext, driver: Driver, name: string): boolean {
  const lacking = driver.capabilities.find((capability) => capability.name === name && !capability.available)
  if (lacking?.available === false) t.skip(`${name}: ${lacking.reason}; ${lacking.remedy}`)
  return lacking === undefined
}

async function memoryLimit(t: TestContext, { driver, see, set }: Workbench): Promise<void> {
  if (!can(t, driver, 'memory.limit')) return
  await set(t, 'eater', 'memory.limit', 24 * MIB)
  assert.equal((await see('eater')).settings['memory.limit'], 24 * MIB)
  const untilMs = performance.now() + 15_000
  for (;;) {
    const { counters, levels } = await see('eater')
    assert.ok((levels['memory.total'] ?? 0) <= 24 * MIB, `holds ${levels['memory.total']} bytes`)
    if ((counters['memory.oomKills'] ?? 0) > 0) return
    assert.ok(performance.now() < untilMs, 'it was never stopped')
    await sleep(100)
  }
}

async function wholeObservation({ driver }: Workbench): Promise<void> {
  for (const seen of [await driver.observe(true), await driver.observe(false)]) {
    const names = seen.domains.map((domain) => domain.name as string)
    assert.deepEqual(
      names,
      [...names].sort((a, b) => order(seen, a) - order(seen, b)),
    )
    assert.ok((seen.capacity['cpu']?.total ?? 0) > 0 && (seen.capacity['memory']?.total ?? 0) > 0)
    assert.ok(seen.topology.cpus.length > 0)
    const listed = new Set<string>()
    for (const node of seen.nodes) {
      assert.ok(node.parent === null || listed.has(node.parent), `${node.id} comes before its parent`)
      assert.ok(node.weight >= node.weightRange.least && node.weight <= node.weightRange.most)
      listed.add(node.id)
    }
    for (const { name, node, state, settings } of seen.domains) {
      if (state !== 'ended') assert.ok(listed.has(node), `${name} has no place in the hierarchy`)
      assert.notEqual(settings['cpu.weight'], undefined, `${name} shows no weight`)
    }
  }
}

function order(seen: DriverObservation, name: string): number {
  return seen.domains.find((domain) => domain.name === name)?.policyIndex ?? -1
}

async function counters({ driver }: Workbench): Promise<void> {
  const first = await driver.observe(true)
  await sleep(WINDOW_MS)
  const second = await driver.observe(true)
  let used = 0
  for (const now of second.domains) {
    const then = first.domains.find((domain) => domain.name === now.name) as DomainObservation
    for (const [name, value] of Object.entries(then.counters)) {
      assert.ok((now.counters[name] ?? -1) >= value, `${name} of ${now.name} went back`)
    }
    const seconds = (now.takenAtMs - then.takenAtMs) / 1000
    used += ((now.counters['cpu'] as number) - (then.counters['cpu'] as number)) / seconds
  }
  const total = second.capacity['cpu']?.total as number
  assert.ok(used > 0 && used <= total * 1.1, `${used} of ${total} millicores`)
}

/** Both on CPU 0, so that they compete. */
async function together(t: TestContext, { set }: Workbench): Promise<void> {
  await set(t, 'left', 'cpu.set', '0')
  await set(t, 'right', 'cpu.set', '0')
}

async function weights(t: TestContext, bench: Workbench): Promise<void> {
  if (!can(t, bench.driver, 'cpu.set')) return
  await together(t, bench)
  const found = (await bench.see('right')).settings['cpu.weight'] as number
  await bench.set(t, 'left', 'cpu.weight', found * 3)
  const cpu = async (name: string) => (await bench.see(name)).counters['cpu'] as number
  const before = [await cpu('left'), await cpu('right')] as const
  const [left, right] = (await bench.workOf(['left', 'right'], 2 * WINDOW_MS)) as [number, number]
  const used = [(await cpu('left')) - before[0], (await cpu('right')) - before[1]] as const
  const ratio = used[0] / used[1]
  assert.ok(ratio > 2.2 && ratio < 4, `${used[0]} to ${used[1]} millicore-seconds`)
  // A machine does less with less than its share of CPU says, as its own system takes the same at any share.
  assert.ok(left / right > 2, `${left} to ${right} units of work`)
}

async function quota(t: TestContext, bench: Workbench): Promise<void> {
  if (!can(t, bench.driver, 'cpu.quota')) return
  const unlimited = await usedBy(bench, 'left')
  await bench.set(t, 'left', 'cpu.quota', 200)
  const limited = await usedBy(bench, 'left')
  // A host that gives some of its time to others may give less.
  assert.ok(limited > 40 && limited < 260, `${limited} millicores under a quota of 200, ${unlimited} without`)
  assert.ok(((await bench.see('left')).counters['cpu.throttledMs'] as number) > 0, 'nothing was throttled')
}

/** Millicores of CPU time, as the driver tells it. */
async function usedBy({ see }: Workbench, name: string): Promise<number> {
  const before = await see(name)
  await sleep(WINDOW_MS)
  const now = await see(name)
  const used = (now.counters['cpu'] as number) - (before.counters['cpu'] as number)
  return (used * 1000) / (now.takenAtMs - before.takenAtMs)
}

async function pinning(t: TestContext, { driver, set, cpus, see }: Workbench): Promise<void> {
  if (!can(t, driver, 'cpu.set')) return
  const { topology } = await driver.observe(false)
  for (const { id } of topology.cpus.slice(0, 2)) {
    await set(t, 'right', 'cpu.set', `${id}`)
    assert.equal((await see('right')).settings['cpu.set'], `${id}`)
    await sleep(100)
    for (let look = 0; look < 20; look += 1) {
      assert.deepEqual(new Set(cpus('right')), new Set([id]))
      await sleep(10)
    }
  }
}

async function freezing(t: TestContext, { driver, set, see, apply, workOf }: Workbench): Promise<void> {
  if (!can(t, driver, 'freeze')) return
  await set(t, 'left', 'freeze', 1)
  await sleep(200)
  assert.equal((await see('left')).state, 'paused')
  assert.deepEqual(await workOf(['left'], 500), [0])
  await apply({ node: (await see('left')).node, knob: 'freeze', to: 0 })
  assert.equal((await see('left')).state, 'running')
  assert.ok(((await workOf(['left']))[0] as number) > 0)
}

async function scheduling(t: TestContext, { driver, set, see }: Workbench): Promise<void> {
  if (!can(t, driver, 'sched')) return
  await set(t, 'left', 'sched', 'batch:0:0')
  assert.equal((await see('left')).settings.sched, 'batch:0:0')
  if (driver.capabilities.some((capability) => capability.name === 'sched.slice' && capability.available)) {
    await set(t, 'left', 'sched', 'other:0:0.5')
    assert.equal((await see('left')).settings.sched, 'other:0:0.5')
  }
}

/** Values unlike any that a domain starts with. */
const OTHER_VALUES: Readonly<Partial<Record<Knob, Setting>>> = {
  'cpu.weight': 321,
  'cpu.quota': 730,
  'cpu.set': '0',
  'memory.limit': 512 * MIB,
  'memory.soft': 256 * MIB,
  'io.weight': 321,
  freeze: 1,
}

async function restoring({ driver, see, apply }: Workbench): Promise<void> {
  const { node, settings } = await see('right')
  const knobs = (Object.keys(OTHER_VALUES) as Knob[]).filter((knob) => settings[knob] !== undefined)
  assert.ok(knobs.length > 0)
  for (const knob of knobs) {
    const found = await driver.read(node, knob)
    assert.deepEqual(found?.value, settings[knob])
    const to = OTHER_VALUES[knob] as Setting
    assert.equal((await apply({ node, knob, to })).status, 'applied', knob)
    assert.equal((await see('right')).settings[knob], to, knob)
    const restored = await apply({ node, knob, to: (found as { value: Setting }).value })
    assert.equal(restored.status, 'applied', knob)
    // Not every kernel takes a CPU set away again: then that of the parent stands for none.
    const expected = found?.value === '' && restored.status === 'applied' ? restored.to : found?.value
    assert.equal((await see('right')).settings[knob], expected, knob)
  }
}

async function refusal({ see, apply }: Workbench): Promise<void> {
  const { node, settings } = await see('left')
  const outcome = await apply({ node, knob: 'cpu.weight', to: -5 })
  assert.equal(outcome.status, 'failed')
  if (outcome.status !== 'failed') return
  assert.match(outcome.message, /cpu\.weight.*-5/)
  assert.match(outcome.code, /^E[A-Z]+$/)
  assert.deepEqual((await see('left')).settings, settings)
}

async function identity({ see, apply }: Workbench): Promise<void> {
  const { node, settings } = await see('left')
  const outcome = await apply({ node, knob: 'cpu.weight', to: 55, identity: 'another' as Change['identity'] })
  assert.equal(outcome.status, 'vanished')
  assert.deepEqual((await see('left')).settings, settings)
}

async function deadline({ see, apply }: Workbench): Promise<void> {
  const { node, settings } = await see('left')
  const outcome = await apply({ node, knob: 'cpu.weight', to: 55 }, AbortSignal.abort())
  assert.equal(outcome.status, 'failed')
  assert.deepEqual((await see('left')).settings, settings)
}

async function vanishing({ driver, see, apply, destroy }: Workbench): Promise<void> {
  const { node, identity } = await see('right')
  await destroy('right')
  const outcome = await apply({ node, identity, knob: 'cpu.weight', to: 55 })
  assert.deepEqual(outcome, { status: 'vanished', node, knob: 'cpu.weight' })
  assert.equal(await driver.read(node, 'cpu.weight'), null)
  for (const slow of [false, true]) {
    const seen = await driver.observe(slow)
    assert.ok(!seen.domains.some((domain) => domain.name === 'right'))
    assert.ok(!seen.nodes.some((one) => one.id === node))
  }
}
