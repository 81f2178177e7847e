import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ChangeToCheck, checkPlan } from './check-plan.ts'

const timing = { nowMs: 20_000, cooldownMs: 10_000 }
const grewLately = { direction: 'grow', atMs: 16_000 } as const

function change(over: Partial<ChangeToCheck>): ChangeToCheck {
  return { node: '/shop', knob: 'weight', resource: 'cpu', direction: 'grow', from: 100, to: 200, ...over }
}
const shrink = change({ node: '/batch', direction: 'shrink', from: 200, to: 100 })

const cases: { name: string; plan: ChangeToCheck[]; rules: string[] }[] = [
  { name: 'an empty plan', plan: [], rules: [] },
  { name: 'shrink, then grow', plan: [shrink, change({})], rules: [] },
  { name: 'grow, then shrink', plan: [change({}), shrink], rules: ['shrink-first'] },
  { name: 'grow of one resource, shrink of another', plan: [change({ resource: 'memory' }), shrink], rules: [] },
  { name: 'a knob written twice', plan: [change({}), change({ to: 300 })], rules: ['once'] },
  { name: 'two knobs of one node', plan: [change({}), change({ knob: 'quota' })], rules: [] },
  { name: 'a shrink that calls itself a grow', plan: [change({ to: 50 })], rules: ['direction'] },
  { name: 'a reversal within the cooldown', plan: [{ ...shrink, last: grewLately }], rules: ['cooldown'] },
  { name: 'an excused one', plan: [{ ...shrink, last: grewLately, excused: true }], rules: [] },
  { name: 'one after the cooldown', plan: [{ ...shrink, last: { direction: 'grow', atMs: 10_000 } }], rules: [] },
  { name: 'growing on', plan: [change({ last: grewLately })], rules: [] },
]

describe('checkPlan', () => {
  for (const { name, plan, rules } of cases) {
    test(name, () => {
      assert.deepEqual(
        checkPlan(plan, timing).map(({ rule }) => rule),
        rules,
      )
    })
  }
})
