import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Readings, Terms } from '../cast.ts'
import { CAPACITY } from '../cast.ts'
import { LEAST } from './control.ts'
import { PARTIES, type PartiesState } from './parties.ts'
import { PROPORTIONAL } from './proportional.ts'

const TERMS: Terms = {
  goals: [
    { service: 'shop', kind: 'latency', target: 100, priority: 1 },
    { service: 'api', kind: 'latency', target: 100, priority: 1 },
    { service: 'search', kind: 'rate', target: 50, priority: 2 },
  ],
  capped: [],
  fileBytes: null,
}
const WITH_FILES: Terms = { ...TERMS, fileBytes: 96 * 2 ** 20 }

/** Slacks of 1 - p95 / 100 for shop and api, and of rate / 50 - 1 for search. */
const readings = (shop: number, api: number, search: number): Readings => ({
  shop: { p95Ms: shop, perSecond: 60 },
  api: { p95Ms: api, perSecond: 60 },
  search: { p95Ms: 5, perSecond: search },
})
const FINE = readings(90, 90, 55)
const UNIT = (CAPACITY - 3 * LEAST) / 20
const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `expected ${expected}, got ${actual}`)

describe('parties', () => {
  const play = (terms: Terms, ...all: readonly Readings[]): PartiesState[] => {
    const states = [PARTIES.begin(terms)]
    for (const one of all) states.push(PARTIES.next(states.at(-1) as PartiesState, terms, one))
    return states
  }
  const cpu = (state: PartiesState | undefined) => (state as PartiesState).parts.cpu

  it('begins with equal parts for the services and the least for the jobs', () => {
    const { cpu: amounts } = PARTIES.settings(PARTIES.begin(TERMS))
    near(amounts.shop, (CAPACITY - 3 * LEAST) / 3)
    near(amounts.batch, LEAST)
  })
  it('takes a unit from the service with the most slack for the one that is short', () => {
    const [before, after] = play(TERMS, readings(150, 90, 100))
    near(cpu(after).shop - cpu(before).shop, UNIT)
    near(cpu(after).search - cpu(before).search, -UNIT)
    near(cpu(after).api, cpu(before).api)
  })
  it('holds where nobody is short and nobody has plenty', () => {
    const [before, after] = play(TERMS, FINE)
    assert.deepEqual(cpu(after), cpu(before))
  })
  it('gives what somebody has too much of to the jobs, and takes it back where that made one short', () => {
    const [before, less, back, resting] = play(TERMS, readings(50, 90, 55), readings(120, 90, 55), readings(50, 90, 55))
    near(cpu(less).shop - cpu(before).shop, -UNIT)
    near(PARTIES.settings(less as PartiesState).cpu.batch, LEAST + UNIT / 2)
    // Undone, and then a unit more, because it is short still.
    assert.ok(cpu(back).shop >= cpu(before).shop)
    assert.ok(cpu(resting).shop >= cpu(back).shop, 'it is left alone for a while')
  })
  it('goes on with memory where more CPU did not help, and leaves the scan less of it', () => {
    const store: Terms = { ...WITH_FILES, goals: [{ service: 'store', kind: 'latency', target: 60, priority: 2 }] }
    const slow: Readings = { store: { p95Ms: 600, perSecond: 10 } }
    const begun = PARTIES.begin(store)
    const squeezed = { ...begun, parts: { ...begun.parts, files: { ...begun.parts.files, store: 0 } } }
    const [files] = [2, 3].map((intervals) => {
      let state: PartiesState = squeezed
      for (let interval = 0; interval < intervals; interval++) state = PARTIES.next(state, store, slow)
      return PARTIES.settings(state).scanFileBytes ?? Number.NaN
    })
    assert.ok((files as number) < 96 * 2 ** 20, `the scan may keep ${files}`)
  })
  it('knows nothing of memory where it is not short', () => {
    assert.equal(PARTIES.settings(PARTIES.begin(TERMS)).scanFileBytes, null)
  })
})

describe('proportional', () => {
  const granted = (shop: number, api: number, search: number) => ({ granted: { shop, api, search, store: LEAST } })

  it('adds a hundredth of a core for a tenth off the goal, which counts as a tenth stricter', () => {
    const { granted: after } = PROPORTIONAL.next(granted(400, 400, 400), TERMS, readings(180, 90, 55))
    near(after.shop, 500)
    near(after.api, 400)
    near(after.search, 400)
  })
  it('grants priority by priority, and inside one lets the lowest rise first', () => {
    const { granted: after } = PROPORTIONAL.next(granted(300, 1500, 600), TERMS, FINE)
    const all = CAPACITY - LEAST * 6
    near(after.shop, 300)
    near(after.api, 1500)
    near(after.search - LEAST, all - (300 - LEAST) - (1500 - LEAST))
    const { granted: tight } = PROPORTIONAL.next(granted(1200, 1500, 600), TERMS, FINE)
    near(tight.shop, tight.api)
    near(tight.search, LEAST)
  })
  it('distributes what is left among the jobs', () => {
    const { cpu } = PROPORTIONAL.settings(granted(400, 400, 400))
    near(cpu.batch, (CAPACITY - 1200 - LEAST) / 2)
  })
  it('keeps a request of which nothing was read', () => {
    const { granted: after } = PROPORTIONAL.next(granted(400, 400, 400), TERMS, {})
    near(after.shop, 400)
  })
})
