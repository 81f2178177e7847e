import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DomainObservation } from '#core/model/observation.ts'
import type { Answer } from './answers.ts'
import { countedOn, type DomainCounters, usedMore, withCounters } from './counters.ts'

type Counters = Readonly<Record<string, number>>

function seen(takenAtMs: number, counters: Counters, identity = 'one', told?: DomainObservation['told']) {
  return { identity, takenAtMs, counters, ...(told && { told }) } as unknown as DomainObservation
}

const answer = (use: number, waitedWas: number, waited: number) =>
  ({ use: { was: 1000, now: use }, waited: { was: waitedWas, now: waited } }) as Answer

/** What is shown of the counters in the last of these turns. */
function shownAfter(...turns: readonly (readonly [DomainObservation, Answer | null])[]) {
  let counters: DomainCounters | null = null
  let shown: DomainObservation | null = null
  for (const [domain, its] of turns) {
    counters = countedOn(counters, domain, its)
    shown = withCounters(domain, counters)
  }
  return {
    counters: shown?.counters,
    told: shown?.told?.counters,
    more: usedMore(counters as unknown as DomainCounters),
  }
}

const FIRST = [seen(0, { cpu: 5000, 'cpu.waitMs': 70, other: 1 }), null] as const
const HALVED = [seen(1000, { cpu: 6000, 'cpu.waitMs': 170, other: 2 }), answer(500, 100, 300)] as const

describe('counters that answer', () => {
  for (const [what, turns, expected] of [
    [
      'are those on record, bit for bit, where nothing is other',
      [
        [seen(0, { cpu: 0.12 }), null],
        [seen(1000, { cpu: 1.53 }), answer(1000, 0, 0)],
      ],
      { cpu: 1.53 },
    ],
    ['begin as recorded', [FIRST], { cpu: 5000, 'cpu.waitMs': 70, other: 1 }],
    ['grow as the answer says', [FIRST, HALVED], { cpu: 5500, 'cpu.waitMs': 370, other: 2 }],
    [
      'go on from there as on record',
      [FIRST, HALVED, [seen(2000, { cpu: 6100, 'cpu.waitMs': 180 }), null]],
      { cpu: 5600, 'cpu.waitMs': 380 },
    ],
    [
      'count all the time that a domain was not seen for',
      [FIRST, HALVED, [seen(11_000, { cpu: 16_000, 'cpu.waitMs': 170 }), answer(250, 0, 40)]],
      { cpu: 8000, 'cpu.waitMs': 770 },
    ],
    [
      'skip a turn in which they were not read',
      [FIRST, HALVED, [seen(2000, {}), null], [seen(3000, { cpu: 8000, 'cpu.waitMs': 170 }), answer(500, 0, 0)]],
      { cpu: 6500, 'cpu.waitMs': 370 },
    ],
    [
      'begin anew with another of that name',
      [FIRST, HALVED, [seen(2000, { cpu: 40, 'cpu.waitMs': 1 }, 'two'), answer(500, 100, 300)]],
      { cpu: 40, 'cpu.waitMs': 1 },
    ],
    [
      'fall by as much as they fell on record',
      [FIRST, HALVED, [seen(2000, { cpu: 20 }), answer(500, 0, 0)]],
      { cpu: -480 },
    ],
  ] as const) {
    it(what, () => assert.deepEqual(shownAfter(...turns).counters, expected))
  }

  it('are those that were told, too', () => {
    const told = (atMs: number, cpu: number) => ({ atMs, counters: { cpu, packets: 9 } })
    const { told: shown, more } = shownAfter(
      [seen(0, {}, 'one', told(0, 1000)), null],
      [seen(1000, {}, 'one', told(900, 2000)), answer(400, 0, 0)],
    )
    assert.deepEqual(shown, { cpu: 1400, packets: 9 })
    assert.equal(more, -600)
  })
})
