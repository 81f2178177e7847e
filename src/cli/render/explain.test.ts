import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Explanation } from '#api/contract.ts'
import { renderExplanation } from './explain.ts'

/** The line about what there was to divide. */
function capacityLine(its: { headroom: number; unmanaged: number; fixed: number; available: number }): string {
  const amount = {
    resource: 'cpu',
    unit: 'millicores',
    advice: false,
    capacity: { total: 2000, shrunk: false, ...its },
    classes: [],
    row: { domain: 'shop', role: 'fixed', use: null, inForce: null, requests: [] },
  }
  const explanation = {
    ...{ domain: 'shop', turn: 1, utcMs: 0, host: 'here', verdict: { kind: 'changes', count: 0, triggers: [] } },
    ...{ violations: [], drift: [], lacks: [], goals: [], changes: [], amounts: [amount] },
    ...{ lastChangedTurn: null, decidedAgain: null, policyHash: '' },
  }
  const lines = renderExplanation(explanation as unknown as Explanation).split('\n')
  return lines.find((line) => line.startsWith('The host has')) ?? ''
}

describe('what there was to divide', () => {
  const cases: readonly [Parameters<typeof capacityLine>[0], string][] = [
    [
      { headroom: 100, unmanaged: 0, fixed: 0, available: 1900 },
      '0.1 cores are withheld as headroom, so 1.9 cores were divided',
    ],
    [
      { headroom: 100, unmanaged: 50, fixed: 300, available: 1900 },
      '0.1 cores are withheld as headroom, of which what nobody manages uses 0.05 cores, so 1.9 cores were divided, ' +
        'and 0.3 cores of these stay with fixed domains',
    ],
    [
      { headroom: 100, unmanaged: 250, fixed: 0, available: 1750 },
      '0.25 cores are used by what nobody manages, more than the headroom of 0.1 cores, so 1.75 cores were divided',
    ],
    [
      { headroom: 0, unmanaged: 250, fixed: 0, available: 1750 },
      '0.25 cores are used by what nobody manages, so 1.75 cores were divided',
    ],
  ]
  for (const [capacity, said] of cases) {
    it(`adds up: ${JSON.stringify(capacity)}`, () => {
      assert.equal(capacityLine(capacity), `The host has 2 cores of cpu: ${said}; every priority was served.`)
    })
  }
})
