import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CPU } from './model/resource.ts'
import { allocated, domain, goal, policy, World } from './world.fixture.ts'

const utilization = { kind: 'utilization', resource: CPU, target: 0.8 } as const

describe('a counter', () => {
  it('that is no number leads nobody astray for longer than that lasts', () => {
    const world = new World(policy([domain('a'), domain('b')], [goal('a', 1, utilization)]), {
      a: { use: 700 },
      b: { use: 900 },
    })
    world.run(20)
    const before = allocated(world.step(), 'a')
    world.tenants['a'] = { use: 700, slow: { cpu: Number.NaN } }
    assert.equal(allocated(world.step(), 'a'), before)
    world.tenants['a'] = { use: 700 }
    world.run(5)
    const after = world.step()
    assert.equal(allocated(after, 'a'), before)
    assert.equal(after.goals[0]?.need[CPU], 875)
  })
})
