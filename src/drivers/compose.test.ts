import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Change } from '#core/model/decision.ts'
import type { NodeId, ResourceKey } from '#core/model/ids.ts'
import type { Driver } from '#ports.ts'
import { composeDrivers } from './compose.ts'

/** A driver of one node that remembers what it was asked. */
function driverOf(kind: string, asked: string[], cpus: number): Driver {
  const node = `/${kind}` as NodeId
  return {
    kind,
    capabilities: [{ name: `${kind}.knob`, available: true, detail: '' }],
    prepare: async () => [{ domain: kind, status: 'running' }],
    observe: async () => ({
      capacity: { cpu: { total: cpus * 1000, used: null }, [`${kind}-only`]: { total: 1, used: null } },
      topology: { cpus: Array.from({ length: cpus }, (_, id) => ({ id, core: id, socket: 0, node: 0, cache: 0 })) },
      domains: [],
      nodes: [
        { id: node, parent: null, driver: kind, weight: 1, weightRange: { least: 1, most: 2 }, unmanagedWeight: 0 },
      ],
    }),
    async read(which) {
      asked.push(`${kind} reads ${which}`)
      return which === node ? { identity: kind, value: 1 } : null
    },
    identityOf: (which) => (which === node ? kind : null),
    async apply({ node: which, knob, to }) {
      asked.push(`${kind} applies`)
      return { status: 'applied', node: which, knob, to }
    },
    async close() {
      asked.push(`${kind} closes`)
    },
  }
}

const change = (driver: string): Change => ({
  driver,
  node: '/x' as NodeId,
  domain: null,
  identity: null,
  knob: 'cpu.weight',
  resource: 'cpu' as ResourceKey,
  from: 1,
  to: 2,
  direction: 'neutral',
  because: { kind: 'release' },
})

describe('drivers composed', () => {
  it('send each change to the driver of its kind, and refuse one of no kind', async () => {
    const asked: string[] = []
    const both = composeDrivers([driverOf('a', asked, 2), driverOf('b', asked, 4)])
    const { signal } = new AbortController()
    assert.equal((await both.apply(change('b'), signal)).status, 'applied')
    const refused = await both.apply(change('c'), signal)
    assert.ok(refused.status === 'failed' && /no driver 'c'/.test(refused.message))
    assert.deepEqual(asked, ['b applies'])
  })

  it('see everything that each sees; of the host, what the first can tell', async () => {
    const both = composeDrivers([driverOf('a', [], 0), driverOf('b', [], 4)])
    const seen = await both.observe(true)
    assert.deepEqual(Object.keys(seen.capacity), ['cpu', 'a-only', 'b-only'])
    assert.equal(seen.capacity['cpu']?.total, 0)
    assert.equal(seen.topology.cpus.length, 4)
    assert.deepEqual(
      seen.nodes.map(({ id }) => id),
      ['/a', '/b'],
    )
  })

  it('read a node through the driver that showed it, and through whichever knows it before that', async () => {
    const asked: string[] = []
    const both = composeDrivers([driverOf('a', asked, 1), driverOf('b', asked, 1)])
    assert.equal((await both.read('/b' as NodeId, 'cpu.weight'))?.identity, 'b')
    assert.deepEqual(asked.splice(0), ['a reads /b', 'b reads /b'])
    assert.equal(both.identityOf('/b' as NodeId), 'b')
    assert.equal(both.identityOf('/c' as NodeId), null)
    await both.observe(false)
    await both.read('/b' as NodeId, 'cpu.weight')
    assert.deepEqual(asked, ['b reads /b'])
  })
})
