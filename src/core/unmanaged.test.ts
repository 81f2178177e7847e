import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decision } from './model/decision.ts'
import { CPU } from './model/resource.ts'
import { allocated, domain, goal, policy, World } from './world.fixture.ts'

const fixedCpu = (amount: number) => ({ kind: 'fixed', amounts: { [CPU]: amount } }) as const
const unmanagedIn = ({ resources }: Decision) => resources[0]?.capacity.unmanaged ?? Number.NaN

/** `a` is entitled to nearly all of 2000 millicores, beside others who use so much. */
function host(unmanagedUse = 0): World {
  const world = new World(policy([domain('a'), domain('b')], [goal('a', 1, fixedCpu(1950))]), { a: { use: 500 } })
  world.unmanagedUse = unmanagedUse
  world.run(20)
  return world
}

describe('who comes and goes', () => {
  it('counts as unmanaged in no turn where it has just started', () => {
    const world = host()
    world.tenants['b'] = { use: 1000 }
    for (let turn = 0; turn < 5; turn++) {
      const decision = world.step()
      assert.ok(unmanagedIn(decision) < 20, `${unmanagedIn(decision)}`)
      assert.equal(allocated(decision, 'a'), 1950)
    }
  })

  it('counts no more once it is known, where it ran unseen before', () => {
    const world = host()
    world.unmanagedUse = 800
    world.run(30)
    world.unmanagedUse = 100
    world.tenants['b'] = { use: 700 }
    assert.ok(Math.abs(unmanagedIn(world.step()) - 800) < 5)
    assert.ok(Math.abs(unmanagedIn(world.step()) - 100) < 5)
  })

  it('takes nothing off what others use', () => {
    const world = host(400)
    world.tenants['b'] = { use: 1000 }
    for (let turn = 0; turn < 5; turn++) assert.ok(Math.abs(unmanagedIn(world.step()) - 400) < 5)
  })

  it('leaves nothing behind where it ends', () => {
    const world = host()
    world.tenants['b'] = { use: 1000 }
    world.run(10)
    // What it used before it ended is in the counter of the host, and it is not there any more.
    world['hostUsed'] += 900
    world.tenants['b'] = { use: 0, gone: true }
    for (let turn = 0; turn < 5; turn++) assert.ok(unmanagedIn(world.step()) < 20)
  })

  it('does not keep the use of others from being learned in the turns after', () => {
    const world = host()
    world.tenants['b'] = { use: 100 }
    world.run(2)
    world.tenants['b'] = { use: 0, gone: true }
    world.unmanagedUse = 600
    assert.ok(unmanagedIn(world.step()) < 20)
    assert.ok(Math.abs(unmanagedIn(world.step()) - 180) < 5)
  })
})
