import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { renderFault } from '#policy/parse.ts'
import { parseScenario } from './parse.ts'
import { type GoalReport, heldPart, type RunReport } from './report.ts'
import { drawnFaults, type SimulateOptions, simulate } from './run.ts'

/** On two CPUs: a shop that needs 0.8, and a batch job with as many threads as would fill them thrice. */
const SCENARIO = `apiVersion: reeve-scenario/v1
host: { cpus: 2, duration: 1m, seed: 7, noise: 5% }
policy:
  apiVersion: reeve/v1
  host: { mode: manage, headroom: { cpu: 2% }, surplus: { default: [batch] }, cooldown: 3s }
  metrics:
    shop-p95: { source: push, unit: s }
    shop-rate: { source: push, unit: requests/s }
  windows:
    minute: { cron: "0 8 * * *", zone: UTC }
    later: { cron: "1 8 * * *", zone: UTC }
  domains:
    shop: { unit: shop.service }
    batch: {}
  goals:
    - { name: quick, domain: shop, kind: performance, metric: shop-p95, below: 60ms, priority: 1 }
    - { name: much, domain: shop, kind: throughput, metric: shop-rate, atLeast: 150, priority: 2, when: minute }
    - { name: never, domain: shop, kind: throughput, metric: shop-rate, atLeast: 1, priority: 2, when: later }
    - { name: some, domain: batch, kind: fixed, amounts: { cpu: 100m }, priority: 3 }
domains:
  shop:
    load: { kind: open, perSecond: 200, cpu: 4ms, spread: constant, threads: 4, underwayMost: 100 }
    metrics: { shop-p95: p95, shop-rate: throughput }
    weight: 512
  batch: { load: { kind: batch, threads: 6 } }
`

function parse(text: string) {
  const parsed = parseScenario(text, { file: 's.yaml', read: () => ({ ok: false, message: 'none' }) })
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(renderFault).join('\n'))
  return parsed
}

async function play(text = SCENARIO, options: SimulateOptions = {}) {
  const parsed = parse(text)
  return simulate(parsed.scenario, parsed.warnings, options)
}
const goal = (run: RunReport | null, name: string) => run?.goals.find((its) => its.goal === name) as GoalReport
const domain = (run: RunReport | null, name: string) => run?.domains.find((its) => its.name === name)

describe('a simulation', () => {
  it('is the same for the same scenario and seed, bit for bit, and another for another seed', async () => {
    const [one, other, third] = [await play(), await play(), await play(SCENARIO, { seed: 8 })]
    assert.deepEqual(one, other)
    assert.equal(JSON.stringify(one), JSON.stringify(other))
    assert.notDeepEqual(one.managed.domains, third.managed.domains)
    assert.equal(third.seed, 8)
  })

  it('measures goals in the world, managed and not, and has the settings as found where it compares', async () => {
    const { managed, unmanaged } = await play(SCENARIO, { compare: true })
    assert.ok((heldPart(goal(managed, 'quick')) ?? 0) > 0.8, JSON.stringify(goal(managed, 'quick')))
    // By the weights as found the shop gets a third of the host, and needs more.
    assert.ok((heldPart(goal(unmanaged, 'quick')) ?? 1) < 0.1, JSON.stringify(goal(unmanaged, 'quick')))
    assert.equal(goal(managed, 'quick').seconds, 60)
    assert.equal(unmanaged?.turns.made, 0)
    assert.equal(domain(unmanaged, 'shop')?.changes, 0)
    assert.ok((domain(managed, 'shop')?.changes ?? 0) > 0)
    assert.ok((domain(managed, 'shop')?.work ?? 0) > (domain(unmanaged, 'shop')?.work ?? 0))
    assert.ok((domain(managed, 'batch')?.work ?? 0) < (domain(unmanaged, 'batch')?.work ?? 0))
  })

  it('counts a goal while its window is open, and no other second', async () => {
    const { managed } = await play()
    assert.equal(goal(managed, 'much').seconds, 60)
    assert.equal(goal(managed, 'never').seconds, 0)
    assert.equal(heldPart(goal(managed, 'never')), null)
    assert.deepEqual(
      managed.classes.map(({ priority, seconds }) => [priority, seconds]),
      [
        [1, 60],
        [2, 60],
        [3, 60],
      ],
    )
  })

  it('counts every CPU second, and a turn a second', async () => {
    const { managed } = await play()
    assert.ok(Math.abs(managed.cpu.usedSeconds - 120) < 1e-6, `${managed.cpu.usedSeconds}`)
    assert.equal(managed.cpu.capacitySeconds, 120)
    const sum = managed.domains.reduce((total, { cpuSeconds }) => total + cpuSeconds, 0)
    assert.ok(Math.abs(sum - 120) < 1e-6)
    assert.equal(managed.turns.made, 60)
    assert.equal(managed.turns.violations, 0)
    assert.deepEqual(managed.turns.said, [])
  })

  it('draws what was used and enforced, second by second where there is room', async () => {
    const { managed, unmanaged } = await play(SCENARIO, { compare: true })
    const [shop] = managed.series.domains
    assert.equal(managed.series.points, 60)
    assert.equal(shop?.use.length, 60)
    const used = (shop?.use ?? []).reduce((sum: number, value) => sum + (value ?? 0), 0) / 1000
    assert.ok(Math.abs(used - (domain(managed, 'shop')?.cpuSeconds ?? 0)) < 1e-6)
    assert.ok((shop?.allocation.at(-1) ?? 0) > 500, JSON.stringify(shop?.allocation))
    assert.ok(unmanaged?.series.domains.every(({ allocation }) => allocation.every((value) => value === null)))
    assert.equal(managed.series.goals[0]?.target, 0.06)
    assert.ok((managed.series.goals[0]?.measured.at(-1) ?? 1) < 0.1, 'in seconds, as the policy has it')
  })

  it('plays a policy that only advises as if it managed, and says so', async () => {
    const { managed, notes } = await play(SCENARIO.replace('mode: manage, ', ''))
    assert.ok((domain(managed, 'shop')?.changes ?? 0) > 0)
    assert.match(notes.join(), /only advises/)
    const watched = await play(SCENARIO.replace('mode: manage', 'mode: observe'))
    assert.equal(domain(watched.managed, 'shop')?.changes, 0)
    assert.match(watched.notes.join(), /only observes/)
  })

  it('plays a domain that the policy only advises as if it managed it, too', async () => {
    const text = SCENARIO.replace('shop: { unit: shop.service }', 'shop: { unit: shop.service, mode: advise }')
    const { managed, notes } = await play(text)
    assert.ok((domain(managed, 'shop')?.changes ?? 0) > 0)
    assert.match(notes.join(), /only advises/)
  })

  it('counts packets: a goal on those that it sends by its target, one on those that come by whether it keeps up', async () => {
    const counter = (of: string) => `{ source: counter, counter: ${of}, unit: packets/s }`
    const text = SCENARIO.replace('threads: 4, underway', 'threads: 4, packets: 10, underway')
      .replace('  windows:', `    sent: ${counter('net.txPackets')}\n    come: ${counter('net.rxPackets')}\n  windows:`)
      .replace(
        '  goals:',
        ['many, atLeast: 5000', 'some-sent, atLeast: 1500']
          .map((its) => `\n    - { name: ${its}, domain: shop, kind: throughput, metric: sent, priority: 2 }`)
          .join('')
          .replace(/^/, '  goals:')
          .concat(
            '\n    - { name: all-come, domain: shop, kind: throughput, metric: come, atLeast: 5000, priority: 2 }',
          ),
      )
    const { managed, warnings } = await play(text)
    const held = ['many', 'some-sent', 'all-come'].map((name) => heldPart(goal(managed, name)) ?? 0)
    assert.equal(held[0], 0)
    assert.ok((held[1] ?? 0) > 0.9 && (held[2] ?? 0) > 0.9, `${held}`)
    assert.deepEqual(warnings, [])
  })

  it('follows its loads and its faults', async () => {
    const text = SCENARIO.replace(
      'batch: { load: { kind: batch, threads: 6 } }',
      'batch: { load: { kind: batch, threads: 0 }, changes: [{ kind: step, at: 30s, level: 6 }] }',
    )
    const { managed } = await play(
      `${text}faults:\n  - { kind: cpus, online: 0, at: 50s }\n  - { kind: vanish, domain: batch, at: 40s, back: 45s }\n`,
    )
    assert.equal(managed.cpu.capacitySeconds, 50 * 2 + 10)
    const use = managed.series.domains[1]?.use ?? []
    assert.equal(Math.max(...use.slice(0, 30).map(Number)), 0)
    assert.ok(Number(use[31]) > 1000)
    assert.equal(Math.max(...use.slice(40, 45).map(Number)), 0)
    // Who is gone has no goal that could hold.
    assert.equal(goal(managed, 'some').seconds, 55)
  })

  it('draws faults by chance of metrics of which there are readings', () => {
    const text = SCENARIO.replace('shop-p95: p95, shop-rate: throughput', 'shop-p95: p95').replace(
      '  windows:',
      '    packets: { source: counter, counter: net.rxPackets, unit: packets/s }\n  windows:',
    )
    const parsed = parse(`${text.replace('1m', '1h')}faults: [{ kind: random, perMinute: 10 }]\n`)
    const metrics = drawnFaults(parsed.scenario, 1).flatMap((fault) => ('metric' in fault ? [fault.metric] : []))
    assert.deepEqual([...new Set(metrics)], ['shop-p95'])
  })

  it('has readings that come late, and goals counted as they are', async () => {
    const late = `${SCENARIO}faults:\n  - { kind: metric-late, metric: shop-p95, by: 20s, at: 5s }\n`
    const [{ managed }, inTime] = [await play(late), await play()]
    assert.equal(goal(managed, 'quick').seconds, 60)
    assert.notDeepEqual(managed.series.domains, inTime.managed.series.domains)
  })

  it('tells how far it is', async () => {
    const told: number[] = []
    await play(SCENARIO, { compare: true, onProgress: (part) => told.push(part) })
    assert.equal(told.at(-1), 1)
    assert.deepEqual(
      told,
      told.toSorted((one, other) => one - other),
    )
  })
})
