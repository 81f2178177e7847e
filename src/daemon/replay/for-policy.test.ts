import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Observation } from '#core/model/observation.ts'
import { parsePolicy } from '#policy/parse.ts'
import { observationsFor } from './for-policy.ts'

function policyOf(text: string) {
  const parsed = parsePolicy(`apiVersion: reeve/v1\n${text}`, { file: 'policy' })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return parsed.policy
}

const at = {
  bootId: 'boot',
  monotonicMs: 5,
  utcMs: Date.UTC(2026, 10, 21, 9, 30),
  zones: { Elsewhere: 'x' },
  openWindows: ['old'],
}

function seen(names: readonly string[]): Observation {
  return {
    at,
    domains: names.map((name, policyIndex) => ({ name, driver: 'cgroup', policyIndex, node: `/${name}` })),
    nodes: [
      { id: '/', parent: null, weight: 1024, unmanagedWeight: 50 },
      ...names.map((name, i) => ({ id: `/${name}`, parent: '/', weight: 100 + i, unmanagedWeight: 0 })),
    ],
  } as unknown as Observation
}

const under = (text: string, names: readonly string[]) =>
  observationsFor(policyOf(text))(seen(names)).domains.map(({ name, policyIndex }) => `${name} ${policyIndex}`)

describe('an observation under another policy', () => {
  for (const [what, text, names, expected] of [
    ['its own entry', 'domains: { b: {}, a: {} }', ['a', 'b'], ['b 0', 'a 1']],
    [
      'an entry of its name before a pattern',
      'domains: { "web-*": {}, web-1: {} }',
      ['web-1', 'web-2'],
      ['web-2 0', 'web-1 1'],
    ],
    ['the first pattern of two', 'domains: { "web-?": {}, "web-*": {} }', ['web-22', 'web-1'], ['web-1 0', 'web-22 1']],
    ['those of a pattern by name', 'domains: { "w*": {} }', ['w2', 'w1'], ['w1 0', 'w2 0']],
    ['nothing where another driver is named', 'domains: { a: { driver: libvirt }, b: {} }', ['a', 'b'], ['b 1']],
  ] as const) {
    it(`has each domain stand under ${what}`, () => assert.deepEqual(under(text, names), expected))
  }

  it('counts the weights of those that it does not name as those of strangers', () => {
    const { nodes } = observationsFor(policyOf('domains: { b: {} }'))(seen(['a', 'b', 'c']))
    assert.deepEqual(
      nodes.map(({ id, unmanagedWeight }) => [id, unmanagedWeight]),
      [
        ['/', 50 + 100 + 102],
        ['/b', 0],
      ],
    )
  })

  it('keeps a place in which others lie', () => {
    const observation = seen(['a', 'b'])
    const inside = { id: '/a/inner', parent: '/a', weight: 100, unmanagedWeight: 0 } as never
    const { nodes } = observationsFor(policyOf('domains: { b: {} }'))({
      ...observation,
      nodes: [...observation.nodes, inside],
    })
    assert.deepEqual(
      nodes.map(({ id }) => id),
      ['/', '/a', '/b', '/a/inner'],
    )
  })

  it('has the windows of that policy open', () => {
    const text = `
windows:
  morning: { cron: "* 10 * * *", zone: Europe/Berlin }
  evening: { cron: "* 20 * * *", zone: Europe/Berlin }
domains: { a: {} }
goals:
  - { domain: a, kind: utilization, target: 50%, priority: 1, when: morning }
  - { domain: a, kind: utilization, target: 60%, priority: 2, when: evening }`
    const found = observationsFor(policyOf(text))(seen(['a'])).at
    assert.deepEqual(found, { ...at, zones: { 'Europe/Berlin': '2026-11-21T10:30:00' }, openWindows: ['morning'] })
  })
})
