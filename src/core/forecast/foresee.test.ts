import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { serialize } from 'node:v8'
import type { ForecastProfile } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { Days } from './days.fixture.ts'
import { silenceOf } from './trust.ts'

const QUIET = 200
const BUSY = 1000
/** From an hour of the day on for two hours, on the days of the week that are said (1 is Monday). */
const peakAt =
  (hour: number, weekdays: readonly number[] = [1, 2, 3, 4, 5, 6, 7]) =>
  (minuteOfDay: number, day: number): number =>
    minuteOfDay >= hour * 60 && minuteOfDay < (hour + 2) * 60 && weekdays.includes(((day - 1) % 7) + 1) ? BUSY : QUIET

const silent = ({ said }: ReturnType<Days['turn']>) => said.map((its) => its.silent)

describe('a forecast by the time of the day', () => {
  it('raises the need on the third day, from a minute before the peak on, and says what from', () => {
    const days = new Days()
    days.until([3, 8, 59], peakAt(9))
    const { need, said } = days.turn(QUIET)
    assert.ok(need !== undefined && need >= BUSY && need < 1.2 * BUSY, `${need}`)
    assert.deepEqual(
      said.map(({ by, silent, raisedFrom, scored, right }) => ({ by, silent, raisedFrom, scored, right })),
      [{ by: { kind: 'season', of: 'days' }, silent: null, raisedFrom: QUIET, scored: 1, right: 1 }],
    )
  })

  it('raises nothing before that: on the first day nothing is known, on the second nothing has come true', () => {
    const days = new Days()
    assert.deepEqual(days.until([1, 9, 0], peakAt(9)), { need: QUIET, said: [] })
    days.until([2, 8, 58], peakAt(9))
    assert.equal(days.turn(QUIET).need, QUIET)
    const before = days.turn(QUIET)
    assert.equal(before.need, QUIET)
    assert.deepEqual(silent(before), ['unproven'])
    assert.ok((before.said[0]?.predicted ?? 0) >= BUSY)
  })

  it('raises nothing once what it said has come, and never lowers what is needed', () => {
    const days = new Days()
    days.until([3, 9, 0], peakAt(9))
    assert.equal(days.turn(3000).need, 3000)
    const later = days.until([3, 9, 30], peakAt(9))
    assert.equal(later.need, BUSY)
    assert.deepEqual(
      later.said.map(({ predicted, raisedFrom }) => [predicted, raisedFrom]),
      [[null, null]],
    )
    assert.equal(days.until([3, 10, 59], () => 10).need, 10)
  })

  it('holds what it said while the peak is late, then loses its say within a quarter of an hour, and says so', () => {
    const days = new Days()
    days.until([5, 9, 0], peakAt(9))
    const late = Array.from({ length: 20 }, () => days.turn(QUIET))
    assert.ok(late.slice(0, 5).every(({ need }) => (need ?? 0) >= BUSY))
    const lost = late.findIndex((turn) => silent(turn)[0] === 'erred')
    assert.ok(lost > 4 && lost <= 15, `${lost}`)
    assert.ok(late.slice(lost).every(({ need }) => need === QUIET))
    // It is still told what it would have said.
    assert.ok((late[lost]?.said[0]?.predicted ?? 0) > QUIET)
  })

  it('regains its say by being right while silent, once the peak has moved for good', () => {
    const days = new Days()
    days.until([6, 0, 0], peakAt(9))
    assert.deepEqual(silent(days.until([6, 12, 0], peakAt(15))), ['erred'])
    const says = [7, 8, 9, 10].map((day) => days.until([day, 15, 0], peakAt(15)))
    assert.deepEqual(silent(says[0] as ReturnType<Days['turn']>), ['erred'])
    assert.deepEqual(silent(says[3] as ReturnType<Days['turn']>), [null])
    assert.ok((says[3]?.need ?? 0) >= 0.9 * BUSY, `${says[3]?.need}`)
    // Of the old peak nothing is left.
    assert.equal(days.until([11, 9, 1], peakAt(15)).need, QUIET)
  })

  it('raises next to nothing in a load of bursts without any pattern', () => {
    const days = new Days()
    let state = 1
    const chance = () => {
      state = (state * 48271) % 2147483647
      return state / 2147483647
    }
    let raised = 0
    let left = 0
    while (days.minute < 14 * 1440) {
      left = left > 0 ? left - 1 : chance() < 1 / 60 ? 10 : 0
      const { said } = days.turn((left > 0 ? BUSY : QUIET) * (0.8 + 0.4 * chance()))
      if (said.some(({ raisedFrom }) => raisedFrom !== null)) raised++
    }
    assert.ok(raised < 0.03 * days.minute, `${raised}`)
  })

  it('goes by the zone of the policy, in summer and in winter', () => {
    const days = new Days()
    // Two hours before UTC at first, one from the third day on: the peak stays at nine on the wall.
    const offset = (minute: number) => (minute < 2 * 1440 ? 120 : 60)
    days.local = (minute) => new Date((20_458 * 1440 + minute + offset(minute)) * 60_000).toISOString().slice(0, 19)
    const needed = (minute: number) => peakAt(9)((minute + offset(minute)) % 1440, 1)
    while (days.minute < 2 * 1440 + 7 * 60 + 59) days.turn(needed(days.minute))
    assert.ok((days.turn(QUIET).need ?? 0) >= BUSY)
  })

  it('tells weekdays apart where they differ', () => {
    const days = new Days()
    const workdays = peakAt(9, [1, 2, 3, 4, 5])
    days.until([20, 9, 20], workdays)
    // The third Saturday: all days alike would expect a peak.
    assert.equal(days.turn(QUIET).need, QUIET)
    const monday = days.until([22, 9, 0], workdays)
    assert.deepEqual(
      monday.said.map(({ by }) => by),
      [{ kind: 'season', of: 'weekday' }],
    )
  })

  it('learns nothing from minutes in which nothing was asked for, and starts its past anew after a while of them', () => {
    const days = new Days()
    days.until([1, 9, 2], peakAt(9))
    for (let minute = 0; minute < 10; minute++) assert.deepEqual(days.turn(null), { need: undefined, said: [] })
    days.turn(BUSY)
    const [profile] = Object.values(days.knowledge.profiles['shop' as never] ?? {}) as ForecastProfile[]
    assert.equal(profile?.past, '')
    assert.equal(profile?.days.at(9 * 12), ' ')
  })

  it('speaks at once when Reeve or the goal was away for a while, by what is needed now', () => {
    const days = new Days()
    days.until([3, 8, 45], peakAt(9))
    while (days.minute < 2 * 1440 + 9 * 60) days.turn(null)
    assert.ok((days.turn(QUIET).need ?? 0) >= BUSY)
    days.until([4, 8, 45], peakAt(9))
    while (days.minute <= 3 * 1440 + 9 * 60) days.turn(null)
    // Opened within ten seconds of the last look: what it needed in its last minutes is no matter.
    days.minute -= 1 - 5 / 60
    assert.deepEqual(
      days.turn(BUSY).said.map(({ predicted }) => predicted),
      [null],
    )
  })

  it('raises no goal beyond what may be asked for on its account', () => {
    const days = new Days({ [CPU]: 700 })
    days.until([3, 8, 59], peakAt(9))
    const { need, said } = days.turn(QUIET)
    assert.deepEqual([need, said[0]?.raisedFrom], [700, QUIET])
  })

  it('goes on learning where the policy has silenced it, and has no say', () => {
    const days = new Days()
    days.without = ['forecast']
    days.until([3, 8, 59], peakAt(9))
    const { need, said } = days.turn(QUIET)
    assert.equal(need, QUIET)
    assert.deepEqual([said[0]?.silent, said[0]?.scored], ['policy', 1])
    days.without = []
    assert.ok((days.turn(QUIET).need ?? 0) >= BUSY)
  })
})

describe('a forecast of what follows', () => {
  /** Every few hours, at no time of the day: ten minutes after it began, twelve minutes of need. */
  const BEGINS = [200, 800, 1700, 2100, 3333]
  const follows = (minute: number) => (BEGINS.some((at) => minute >= at + 10 && minute < at + 22) ? BUSY : QUIET)

  for (const [what, began] of [
    [
      'event',
      (minute: number) => ({ events: BEGINS.some((at) => minute >= at && minute < at + 60) ? ['import'] : [] }),
    ],
    ['start', (minute: number) => ({ starting: BEGINS.includes(minute) ? ['import'] : [] })],
  ] as const) {
    it(`raises the need a minute before, from the third ${what} on`, () => {
      const days = new Days()
      const before: (number | undefined)[] = []
      const told: number[] = []
      while (days.minute <= 1729) {
        const { need, said } = days.turn(follows(days.minute), began(days.minute))
        if (BEGINS.includes(days.minute - 10)) before.push(need)
        const isTold = said.some(({ by, predicted }) => by.kind === 'after' && predicted !== null)
        if (days.minute > 1700 && isTold) told.push(days.minute - 1700 - 1)
      }
      // From a minute before the first of the twelve minutes on.
      assert.deepEqual(
        told,
        Array.from({ length: 13 }, (_, index) => 9 + index),
      )
      assert.deepEqual(before.slice(0, 2), [QUIET, QUIET])
      assert.ok((before[2] ?? 0) >= BUSY, `${before}`)
    })
  }

  it('loses its say when nothing follows any more, and what never follows is not kept', () => {
    const days = new Days()
    const profile = () =>
      Object.values(days.knowledge.profiles['shop' as never] ?? {})[0] as ForecastProfile | undefined
    while (days.minute <= 1800)
      days.turn(follows(days.minute), { starting: BEGINS.includes(days.minute) ? ['import'] : [] })
    assert.deepEqual(Object.keys(profile()?.after ?? {}), ['start import'])
    const said = []
    while (days.minute <= 3400) {
      const starting = BEGINS.includes(days.minute) ? ['import', 'other'] : []
      said.push(...days.turn(QUIET, { starting }).said)
    }
    assert.deepEqual(said.at(-1)?.silent, 'erred')
    assert.deepEqual(Object.keys(profile()?.after ?? {}), ['start import'])
  })

  it('keeps what has its say when new things seem to follow, and says of a half right one that it is unproven', () => {
    const days = new Days()
    const profile = () => Object.values(days.knowledge.profiles['shop' as never] ?? {})[0] as ForecastProfile
    const names = ['a', 'b', 'c', 'd']
    const starts = (minute: number) => names.filter((_, index) => minute % 400 === 100 * index)
    const need = (minute: number) => (minute % 100 >= 10 && minute % 100 < 22 ? BUSY : QUIET)
    while (days.minute < 2000) days.turn(need(days.minute), { starting: starts(days.minute) })
    const known = () => Object.keys(profile().after).toSorted()
    const all = names.map((name) => `start ${name}`)
    assert.deepEqual(known(), all)
    while (days.minute < 2100) days.turn(need(days.minute), { starting: days.minute === 2000 ? ['e'] : [] })
    assert.deepEqual(known(), all)
    assert.equal(silenceOf({ skill: 0.3, scored: 1, right: 1 }, false), 'unproven')
    assert.equal(silenceOf({ skill: 0.3, scored: 2, right: 1 }, false), 'erred')
  })

  it('takes a host that has just started for no sign of anything', () => {
    const days = new Days()
    days.until([1, 1, 0], () => QUIET)
    days.turn(QUIET, { starting: Array.from({ length: 9 }, (_, index) => `d${index}`) })
    assert.deepEqual(days.knowledge.starts, [])
    days.turn(QUIET, { starting: ['d1'] })
    assert.equal(days.knowledge.starts.length, 1)
  })
})

describe('what forecasts remember', () => {
  const pastOf = (days: Days) => {
    const [profile] = Object.values(days.knowledge.profiles['shop' as never] ?? {}) as ForecastProfile[]
    return profile?.past ?? ''
  }
  const bytesOf = (days: Days) => serialize(days.knowledge.profiles).length

  it('is half a KiB for a need that is the same every day, and never more than 3 KiB', () => {
    const same = new Days()
    same.until([15, 0, 0], peakAt(9))
    assert.ok(bytesOf(same) < 560, `${bytesOf(same)}`)
    const wild = new Days()
    wild.until([29, 0, 0], (minuteOfDay, day) => (((minuteOfDay >> 4) * day) % 7) * 400 + 10)
    assert.ok(bytesOf(wild) < 3072, `${bytesOf(wild)}`)
  })

  for (const [wrong, by] of [
    ['in 1970', -20_460 * 1440],
    ['a month ahead', 30 * 1440],
  ] as const) {
    it(`outlives a clock that is ${wrong} for three minutes, also of a goal that is closed then`, () => {
      for (const needed of [QUIET, null]) {
        const days = new Days()
        days.until([3, 8, 40], peakAt(9))
        days.wrongBy = by
        for (let minute = 0; minute < 3; minute++) days.turn(needed)
        assert.ok(pastOf(days).length <= 3)
        days.wrongBy = 0
        while (days.minute < 2 * 1440 + 8 * 60 + 59) days.turn(needed)
        assert.ok((days.turn(QUIET).need ?? 0) >= BUSY)
      }
    })
  }

  it('outlives a host that starts in 1970', () => {
    const days = new Days()
    days.until([3, 8, 40], peakAt(9))
    days.boots++
    days.wrongBy = -20_460 * 1440
    days.turn(QUIET)
    days.wrongBy = 0
    days.turn(QUIET)
    while (days.minute < 2 * 1440 + 8 * 60 + 59) days.turn(null)
    assert.ok((days.turn(QUIET).need ?? 0) >= BUSY)
  })

  it('is forgotten after 24 times as long as it was known, two weeks at most', () => {
    const days = new Days()
    for (let minute = 0; minute <= 60; minute++) days.turn(QUIET)
    const names = () => Object.keys(days.knowledge.profiles)
    for (let minute = 0; minute < 24 * 60; minute++) days.turn(null)
    assert.deepEqual(names(), ['shop'])
    for (let minute = 0; minute < 3; minute++) days.turn(null)
    assert.deepEqual(names(), [])
  })
})
