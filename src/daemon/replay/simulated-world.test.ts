import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Observation } from '#core/model/observation.ts'
import { CPU } from '#core/model/resource.ts'
import { journalPath, readJournal } from '#daemon/journal/reader.ts'
import { policyHash } from '#policy/hash.ts'
import { parsePolicy } from '#policy/parse.ts'
import { type DecidedAgain, decideAgain, recordedPolicies } from './again.ts'
import { replayOtherPolicy } from './other-policy.ts'
import { metPart, type Play, play, recordsOf } from './played-run.fixture.ts'
import { AT, FIRST_POLICY, LAST_TURN, recordRun } from './recorded-run.fixture.ts'
import { SimulatedWorld } from './simulated-world.ts'

let dir = ''
let recorded = ''
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reeve-replay-'))
  recorded = await recordRun(join(dir, 'recorded'))
})
after(() => rmSync(dir, { recursive: true, force: true }))

function simulate(stateDir: string, text: string, from: number, to: number) {
  const parsed = parsePolicy(text, { file: 'new.yaml' })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  const journal = readJournal(journalPath(stateDir)) ?? assert.fail()
  const policy = { policy: parsed.policy, file: 'new.yaml', hash: policyHash(text) }
  const { comparison, simulated, unusable } = replayOtherPolicy(journal, { from, to }, policy, true)
  journal.close()
  assert.deepEqual(unusable.first, [])
  return { comparison, simulated: simulated ?? assert.fail() }
}

function partOf({ met, missed }: { readonly met: number; readonly missed: number }): number {
  return met / (met + missed)
}

describe('a record that answers to the settings that it has', () => {
  it('is the record, bit for bit', () => {
    const journal = readJournal(journalPath(recorded)) ?? assert.fail()
    const world = new SimulatedWorld()
    for (const checkpoint of journal.checkpoints(1, LAST_TURN)) {
      for (const again of decideAgain(recordedPolicies(journal), journal.segment(checkpoint, LAST_TURN))) {
        const { observation, unknown, silent } = world.answer(again, again.record.observation)
        assert.deepStrictEqual(observation, again.record.observation)
        assert.deepEqual([unknown.length, silent.size], [0, 0])
      }
    }
    journal.close()
  })

  it('has the policy that it had decide and meet what it did', () => {
    const { comparison, simulated } = simulate(recorded, FIRST_POLICY, 1, AT.reload - 1)
    assert.deepEqual(comparison.otherChanges, { turns: 0, firstTurn: null })
    assert.match(comparison.limit, /answers of models/)
    assert.deepEqual(simulated.unknown, [])
    for (const { was, now } of simulated.uses) assert.equal(now, was)
    for (const { recorded: was, now, index } of simulated.goals) {
      assert.deepEqual(now, { ...was, unknown: 0 })
      assert.equal(index.now, index.was)
    }
    const check = simulated.goals.find(({ goal }) => goal === 'shop-performance-1')?.check ?? assert.fail()
    assert.ok(check.turns > 100 && check.agreed / check.turns > 0.7, JSON.stringify(check))
    assert.ok(check.off > 1 && check.off < 2, `${check.off}`)
  })
})

/** What is observed of the recorded run while settings are others from turn 20 on. */
function answered(to: number, change: (observation: Observation) => Partial<Observation>) {
  const journal = readJournal(journalPath(recorded)) ?? assert.fail()
  const world = new SimulatedWorld()
  const turns: DecidedAgain[] = []
  for (const checkpoint of journal.checkpoints(1, to)) {
    turns.push(...decideAgain(recordedPolicies(journal), journal.segment(checkpoint, to)))
  }
  journal.close()
  return turns.map((again) => {
    const was = again.record.observation
    return { was, now: world.answer(again, again.record.turn < 20 ? was : { ...was, ...change(was) }).observation }
  })
}

/** The shop has next to no weight. */
const starved = ({ nodes }: Observation) => ({
  nodes: nodes.map((node) => (node.id === '/shop' ? { ...node, weight: node.weight / 10_000 } : node)),
})

/** Nobody may use more than a twentieth of the host. */
const capped = ({ domains }: Observation) => ({
  domains: domains.map((domain) => ({ ...domain, settings: { ...domain.settings, 'cpu.quota': 100 } })),
})

const counted = ({ domains }: Observation, name: string, counter: string = CPU) =>
  domains.find((its) => its.name === name)?.counters[counter]

describe('a record that answers to other settings', () => {
  it('goes on counting while a domain vanishes and comes back', () => {
    const all = answered(AT.reload - 1, starved)
    for (const name of ['shop', 'api', 'batch', 'host']) {
      let last: { readonly identity: string | undefined; readonly was: number; readonly now: number } | null = null
      for (const { was, now } of all) {
        const identity = now.domains.find((its) => its.name === name)?.identity
        const use = name === 'host' ? now.capacity[CPU]?.used : counted(now, name)
        const useWas = name === 'host' ? was.capacity[CPU]?.used : counted(was, name)
        if (use == null || useWas == null) continue
        assert.ok(Number.isFinite(use))
        if (last !== null && last.identity === identity) {
          assert.ok(use >= last.now, `${name} goes back`)
          if (name === 'host') assert.ok(use - last.now <= 2000 * 1.01, `${use - last.now} in a second`)
        } else if (last !== null) assert.equal(use, useWas, 'another one begins as recorded')
        last = { identity, was: useWas, now: use }
      }
    }
    const end = all.at(-1) ?? assert.fail()
    assert.ok(counted(end.was, 'api') !== undefined, 'it is back')
    assert.ok((counted(end.now, 'shop') ?? 0) < (counted(end.was, 'shop') ?? 0) / 2)
    assert.ok((counted(end.now, 'batch') ?? 0) > (counted(end.was, 'batch') ?? 0) * 1.2)
    assert.ok((counted(end.now, 'shop', 'cpu.waitMs') ?? 0) > (counted(end.was, 'shop', 'cpu.waitMs') ?? 0))
  })

  it('keeps what the host has used in step with its domains', () => {
    const all = answered(190, capped)
    const sum = (of: Observation) => of.domains.reduce((used, { counters }) => used + (counters[CPU] ?? 0), 0)
    const { was, now } = all.at(-1) ?? assert.fail()
    const more = (now.capacity[CPU]?.used ?? 0) - (was.capacity[CPU]?.used ?? 0)
    assert.ok(more < -170 * 1000, 'much less is used')
    assert.ok(Math.abs(more - (sum(now) - sum(was))) < 1e-3, `${more} and ${sum(now) - sum(was)}`)
  })
})

const HOST: Play = {
  host: {
    cpus: 2,
    seed: 11,
    domains: [
      { name: 'shop', load: { kind: 'open', parallelism: 4, arrivalsPerSecond: 36, demandMs: 25 } },
      { name: 'api', load: { kind: 'open', parallelism: 4, arrivalsPerSecond: 10, demandMs: 40 } },
      { name: 'batch', load: { kind: 'batch', threads: 4 } },
    ],
    metrics: {
      'shop-p95': { domain: 'shop', what: 'p95' },
      'api-p95': { domain: 'api', what: 'p95' },
      'batch-rate': { domain: 'batch', what: 'throughput' },
    },
  },
  turns: 200,
}
const GENEROUS = `
apiVersion: reeve/v1
host: { mode: manage, interval: 1s, headroom: { cpu: 2% }, surplus: { default: [batch] }, cooldown: 3s }
metrics:
  shop-p95: { source: push, domain: shop, unit: ms, staleAfter: 5s }
  api-p95: { source: push, domain: api, unit: ms, staleAfter: 5s }
domains:
  shop: { driver: simulator }
  api: { driver: simulator }
  batch: { driver: simulator }
goals:
  - { domain: shop, kind: performance, metric: shop-p95, below: 200ms, priority: 1 }
  - { domain: api, kind: performance, metric: api-p95, below: 300ms, priority: 2 }
`

describe('a simulated answer beside the same played for real', () => {
  it('agrees when a service is held to half', async () => {
    const halved = GENEROUS.replace('shop: { driver: simulator }', 'shop: { driver: simulator, cpu: { limit: 600m } }')
    const was = await play(HOST, GENEROUS, join(dir, 'generous'))
    const real = await play(HOST, halved, join(dir, 'halved'))
    const { simulated } = simulate(was, halved, 1, HOST.turns)
    for (const [goal, most] of [
      ['shop-performance-1', 0.3],
      ['api-performance-2', 1],
    ] as const) {
      const its = simulated.goals.find((one) => one.goal === goal) ?? assert.fail()
      const [predicted, played] = [partOf(its.now), metPart(real, goal)]
      assert.ok(Math.abs(predicted - played) < 0.15, `${goal}: ${predicted} simulated, ${played} played`)
      assert.ok(predicted <= most)
    }
    const counting = halved
      .replace('metrics:\n', 'metrics:\n  sent: { source: counter, counter: net.txPackets, unit: packets/s }\n')
      .replace(
        'goals:\n',
        'goals:\n  - { domain: shop, kind: throughput, metric: sent, atLeast: 1, priority: 3, name: sends }\n',
      )
    const others = simulate(was, counting, 1, HOST.turns).simulated
    const sends = others.goals.find(({ goal }) => goal === 'sends') ?? assert.fail()
    const listed = others.unknown.find(({ what }) => what === 'what is counted as sent of shop') ?? assert.fail()
    assert.ok(listed.turns > HOST.turns / 2, `${listed.turns}`)
    assert.deepEqual([sends.now.unknown, sends.now.missed], [listed.turns, 0])
    const shop = simulated.goals.find(({ goal }) => goal === 'shop-performance-1')
    assert.ok(partOf(shop?.recorded ?? assert.fail()) > 0.8, 'it was met')
    assert.ok((shop?.index.was ?? 0) < 1 && (shop?.index.now ?? 0) > 1)
    for (const { domain, now } of simulated.uses) {
      const records = recordsOf(real)
      const [first, last] = [records[1], records.at(-1)].map((record) => record?.observation ?? assert.fail())
      const used = (counted(last as Observation, domain) ?? 0) - (counted(first as Observation, domain) ?? 0)
      const seconds = ((last as Observation).at.monotonicMs - (first as Observation).at.monotonicMs) / 1000
      assert.ok(Math.abs(now / (used / seconds) - 1) < 0.1, `${domain}: ${now} simulated, ${used / seconds} played`)
    }
  })
})
