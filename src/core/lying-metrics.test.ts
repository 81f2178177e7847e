import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CPU } from './model/resource.ts'
import { allocated, domain, goal, policy, World } from './world.fixture.ts'

/**
 * Metrics that lie, of a domain whose real load is modest, beside one of the same priority and one below it. It may cost
 * the liar its goal; the others keep theirs.
 */

const LIES: Readonly<Record<string, (second: number) => { readonly value: number; readonly ageMs?: number } | null>> = {
  'a constant that misses': () => ({ value: 900 }),
  'a constant that is met': () => ({ value: 1 }),
  'seconds where milliseconds are meant': () => ({ value: 0.05 }),
  'microseconds where milliseconds are meant': () => ({ value: 50_000 }),
  'what was so 30 s ago': (second) => ({ value: 50 + (second % 7), ageMs: 30_000 }),
  'no number': () => ({ value: Number.NaN }),
  'less than nothing': () => ({ value: -5 }),
  'a coin': (second) => ({ value: second % 2 === 0 ? 5 : 5000 }),
  'nothing at all': () => null,
}

describe('metrics that lie', () => {
  for (const [what, lie] of Object.entries(LIES)) {
    it(`${what}: the others keep their goals`, () => {
      const aim = { kind: 'performance', metric: 'p95', direction: 'below', target: 100 } as const
      const goals = [
        goal('liar', 1, aim),
        goal('beside', 1, { kind: 'utilization', resource: CPU, target: 0.8 }),
        goal('below', 2, { kind: 'fixed', amounts: { [CPU]: 500 } }),
      ]
      const world = new World(policy([domain('liar'), domain('beside'), domain('below')], goals), {
        liar: { use: 200 },
        beside: { use: 600 },
        below: { use: 500 },
      })
      for (let second = 0; second < 120; second++) {
        const said = lie(second)
        world.ages = { p95: said?.ageMs ?? 0 }
        world.readings = said === null ? {} : { p95: said.value }
        // It works as it does, whatever it says; held to less than it needs it waits.
        world.tenants['liar'] = { use: 190 + (second % 3) * 10 }
        const decision = world.step()
        assert.deepEqual(decision.violations, [])
        if (second < 10) continue
        assert.ok(allocated(decision, 'beside') >= 600 / 0.8 - 10, `beside: ${allocated(decision, 'beside')}`)
        assert.ok(allocated(decision, 'below') >= 500 - 10, `below: ${allocated(decision, 'below')}`)
      }
    })
  }
})
