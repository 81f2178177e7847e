import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CPU, MEMORY } from '#core/model/resource.ts'
import { domain, goal, policy, World } from '#core/world.fixture.ts'
import { lookEveryMs } from './looks.ts'

describe('looks', () => {
  const last = (controls: Parameters<typeof domain>[1], asked: number) => {
    const aim = { kind: 'fixed', amounts: { cpu: asked } } as const
    const its = policy([domain('a', controls)], [goal('a', 1, aim)])
    const world = new World(its, { a: { use: 100 } })
    const decision = world.run(3)
    const observation = { domains: [{ name: 'a', policyIndex: 0 }] }
    return lookEveryMs(
      { ...its, resources: [...its.resources, { ...its.resources[0], key: MEMORY } as never] },
      { decision, observation: observation as never },
    )
  }

  it('come every ten seconds, and before there is anything to go by', () => {
    assert.equal(lookEveryMs(policy([], []), null), 10_000)
    assert.equal(last({ controls: [CPU, MEMORY] }, 500), 10_000)
  })
  it('come sooner while a goal is missed that something else than CPU may help', () => {
    assert.equal(last({ controls: [CPU, MEMORY] }, 5000), 2000)
    assert.equal(last({ controls: [CPU] }, 5000), 10_000)
  })
  it('come sooner while processes have grown near to a limit that kills', () => {
    const near = (own: number) => {
      const decision = { goals: [], resources: [{ rows: [{ allocation: 100 }, { own, allocation: 100 }] }] }
      return lookEveryMs(policy([], []), { decision: decision as never, observation: { domains: [] } as never })
    }
    assert.equal(near(80), 10_000)
    assert.equal(near(81), 2000)
  })
})
