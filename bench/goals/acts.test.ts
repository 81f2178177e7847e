import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Act, actsOf, type Demand, termsAt } from './acts.ts'
import { type Goal, SERVICES, type Service } from './cast.ts'

const SECONDS = 18
/** What is left of two CPUs beside the load generator, a manager and the least that batch jobs get. */
const ROOM = 1.7

/** CPUs that meet a goal: all that open clients ask for, or the goal's own rate of those that press. */
function needOf(goal: Goal, demand: Demand | undefined): number {
  if (demand === undefined) return 0
  const rate = demand.kind === 'open' ? demand.perSecond : goal.target
  return (rate * demand.costMs) / 1000
}

const seconds = (act: Act): number[] => Array.from({ length: act.seconds }, (_, second) => second)

function needs(act: Act, second: number, priorities: readonly number[]): Map<Service, number> {
  const { goals } = termsAt(act, second)
  const its = goals.filter(({ priority }) => priorities.includes(priority))
  return new Map(its.map((goal) => [goal.service, needOf(goal, act.demands(second)[goal.service])]))
}

const sum = (values: Iterable<number>): number => [...values].reduce((all, value) => all + value, 0)

/** The most that each service ever needs, together. */
const peaks = (act: Act): number =>
  sum(SERVICES.map((service) => Math.max(...seconds(act).map((now) => needs(act, now, [1, 2]).get(service) ?? 0))))

describe('acts', () => {
  for (const family of ['I', 'II'] as const) {
    for (const act of actsOf(family, SECONDS)) {
      it(`${act.name}: the goals that are said to fit do, in every second`, () => {
        for (const now of seconds(act)) {
          const needed = sum(needs(act, now, act.fitting).values())
          assert.ok(needed <= ROOM, `second ${now} needs ${needed}`)
        }
      })
      it(`${act.name}: every step is of a service that needs more then, or counts for more`, () => {
        for (const { second, service } of act.steps) {
          const [before, after] = [second - 1, second].map((now) => needs(act, now, [1]).get(service) ?? 0)
          const [less, more] = [second - 1, second].map((now) => needs(act, now, [1, 2]).get(service) ?? 0)
          assert.ok((after as number) > (before as number) || (more as number) > (less as number))
        }
      })
    }
  }

  it('family I fits also with every service at its peak, so that static weights can serve it', () => {
    for (const act of actsOf('I', SECONDS)) assert.ok(peaks(act) <= ROOM, `${act.name} peaks at ${peaks(act)}`)
  })

  it('in family II what changes over time does not fit with every service at its peak', () => {
    const changing = actsOf('II', SECONDS).filter(({ name }) => name !== 'bound by memory')
    assert.equal(changing.length, 3)
    for (const act of changing) assert.ok(peaks(act) > ROOM, `${act.name} peaks at ${peaks(act)}`)
  })
})
