import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DomainView, View } from '#core/look.ts'
import type { DomainName } from '#core/model/ids.ts'
import type { Observation } from '#core/model/observation.ts'
import { answeredReading, answersTo } from './answers.ts'

interface Stated {
  readonly name: string
  readonly weight: number
  readonly quota?: number | null
  readonly use: number
  /** Milliseconds a second. */
  readonly waited?: number
  readonly inForce?: number
}

const settings = ({ quota = null }: Pick<Stated, 'quota'>) => ({ 'cpu.quota': quota })

function observed(stated: readonly Stated[]): Observation {
  return {
    at: { bootId: 'boot', monotonicMs: 1000 },
    capacity: { cpu: { total: 2000, used: null } },
    domains: stated.map((its) => ({
      name: its.name,
      node: `/${its.name}`,
      state: 'running',
      takenAtMs: 1000,
      levels: {},
      settings: settings(its),
    })),
    nodes: [
      { id: '/', parent: null, weight: 1 },
      ...stated.map(({ name, weight }) => ({ id: `/${name}`, parent: '/', weight })),
    ],
  } as unknown as Observation
}

/** Two CPUs, nobody else on them. */
function viewOf(stated: readonly Stated[]): View {
  const seen = observed(stated)
  const domains = stated.map(({ use, waited = 0, inForce = 0 }, i) => ({
    name: seen.domains[i]?.name,
    seen: seen.domains[i],
    known: { seenAtMs: 0, levels: {} },
    use: { cpu: use },
    heldBack: { cpu: use + waited > 0 ? waited / (use + waited) : 0 },
    inForce: { cpu: inForce },
  })) as unknown as DomainView[]
  return { seen, known: { host: {}, lastAtMs: 0 }, domains } as unknown as View
}

const NOBODY = new Map<DomainName, number>()
const shop = 'shop' as DomainName
const batch = 'batch' as DomainName

const SHOP = { name: 'shop', weight: 1000, use: 750, waited: 100, inForce: 1000 }
const BATCH = { name: 'batch', weight: 1000, use: 1250, waited: 2750, inForce: 1000 }

function answers(
  was: readonly Stated[],
  now: Readonly<Record<string, Partial<Stated>>>,
  owed: ReadonlyMap<DomainName, number> = NOBODY,
) {
  const shown = was.map((its) => ({ ...its, ...now[its.name] }))
  const found = answersTo(viewOf(was), observed(shown), owed)
  return (name: DomainName) => found.get(name) ?? assert.fail()
}

const near = (one: number, other: number) => assert.ok(Math.abs(one - other) < 1e-6, `${one}, not ${other}`)

describe('an answer to other settings', () => {
  it('is the record where they are the same', () => {
    const of = answers([SHOP, BATCH], {})
    for (const name of [shop, batch]) {
      const { use, slack, waited, isOther } = of(name)
      assert.deepEqual([use.now, slack.now, waited.now, isOther], [use.was, slack.was, waited.was, false])
    }
  })

  it('gives others what a service may no longer use, and has it owe the rest', () => {
    const of = answers([SHOP, BATCH], { shop: { quota: 400 } }, new Map([[shop, 0]]))
    near(of(shop).use.now, 400)
    near(of(batch).use.now, 1600)
    near(of(shop).owed, 350)
    assert.equal(of(batch).owed, 0)
    near(of(batch).waited.now, 4000 - 1600)
    near(of(shop).slack.now, 12)
  })

  it('has it made up for when there is room again, and not for longer than anybody waits', () => {
    const of = answers([SHOP, BATCH], {}, new Map([[shop, 150]]))
    near(of(shop).use.now, 900)
    near(of(batch).use.now, 1100)
    near(of(shop).owed, 0)
    near(answers([SHOP, BATCH], { shop: { quota: 400 } }, new Map([[shop, 1e9]]))(shop).owed, 60 * 750)
  })

  it('lets one that used up all that it found use more, a service a quarter', () => {
    const starved = [
      { ...SHOP, use: 300, waited: 2000, inForce: 300, weight: 300 },
      { ...BATCH, use: 1700, weight: 1700 },
    ]
    near(answers(starved, { shop: { weight: 3000 } })(shop).use.now, 2000 * (3000 / 4700))
    near(answers(starved, { shop: { weight: 3000 } }, new Map([[shop, 0]]))(shop).use.now, 375)
  })

  it('has nobody gain more than others lose, where weights do not tell what was used', () => {
    const odd = [
      { ...BATCH, use: 1800, weight: 1, inForce: 0 },
      { ...SHOP, use: 200, waited: 3000, weight: 9, inForce: 0 },
    ]
    const of = answers(odd, { batch: { weight: 9 }, shop: { weight: 1 } })
    near(of(batch).use.now + of(shop).use.now, 2000)
    near(of(shop).use.now, 200 / 9)
  })

  it('knows nothing of one of which nothing was counted yet', () => {
    const view = viewOf([SHOP, BATCH])
    const first = { ...view, domains: view.domains.map((its) => (its.name === shop ? { ...its, use: {} } : its)) }
    assert.deepEqual([...answersTo(first, observed([SHOP, BATCH]), NOBODY).keys()], [batch])
  })

  const parties = fc.array(
    fc.record({
      weight: fc.integer({ min: 1, max: 10_000 }),
      otherWeight: fc.integer({ min: 1, max: 10_000 }),
      quota: fc.option(fc.integer({ min: 10, max: 2000 })),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      waited: fc.integer({ min: 0, max: 4000 }),
      inForce: fc.integer({ min: 0, max: 2000 }),
      isService: fc.boolean(),
      owed: fc.integer({ min: 0, max: 5000 }),
    }),
    { minLength: 1, maxLength: 6 },
  )

  it('never has more used than the host has, nor more gained than was idle, lost or owed', () => {
    fc.assert(
      fc.property(parties, fc.double({ min: 0, max: 1, noNaN: true }), (all, load) => {
        const parts = all.reduce((sum, { part }) => sum + part, 0)
        const was = all.map((its, i) => ({
          ...its,
          quota: null,
          name: `d${i}`,
          use: parts > 0 ? (2000 * load * its.part) / parts : 0,
        }))
        const shown = was.map((its, i) => ({ ...its, weight: its.otherWeight, quota: all[i]?.quota ?? null }))
        const owed = new Map(
          was.flatMap(({ name, isService, owed }) => (isService ? [[name as DomainName, owed]] : [])),
        )
        const found = [...answersTo(viewOf(was), observed(shown), owed).values()]
        const sum = found.reduce((used, { use }) => used + use.now, 0)
        assert.ok(sum <= 2000 + 1e-6, `${sum} used of 2000`)
        for (const [i, { use, waited, slack, owed: left }] of found.entries()) {
          assert.ok(use.now >= 0 && waited.now >= 0 && slack.now > 0 && left >= 0)
          if (was[i]?.use === 0) assert.equal(use.now, 0)
        }
        // While all are as loaded as before nobody uses less but for what others gain or a quota forbids.
        const freed = found.reduce((less, { use }) => less + Math.max(0, use.was - use.now), 0)
        const gained = found.reduce((more, { use }) => more + Math.max(0, use.now - use.was), 0)
        assert.ok(gained <= freed + 2000 * (1 - load) + 1e-6)
      }),
      { numRuns: 300 },
    )
  })
})

describe('a reading under other settings', () => {
  const queue = { kind: 'time', queue: { work: 40_000, off: 0.1, trials: 9, most: 0 } } as const
  const both = (was: number, now: number) => ({ was, now })
  const answer = {
    use: both(400, 300),
    waited: both(0, 0),
    slack: both(250, 125),
    wasSaturated: false,
    isOther: true,
    owed: 0,
  }

  for (const [what, its, model, expected] of [
    ['a time grows as the slack shrinks', answer, queue, 200],
    ['a time of one that was saturated is what the model says', { ...answer, wasSaturated: true }, queue, 320],
    ['a rate follows the use', answer, { kind: 'rate', perUnit: 4 }, 75],
    ['nothing is known without a model', answer, null, null],
    ['it stands where nothing is other', { ...answer, isOther: false }, null, 100],
  ] as const) {
    it(what, () => assert.equal(answeredReading(100, its, model), expected))
  }
})
