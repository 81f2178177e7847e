import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Explanation, GoalView } from '#api/contract.ts'
import { renderExplanation } from './explain.ts'

interface Capacity {
  readonly headroom: number
  readonly unmanaged: number
  readonly fixed: number
  readonly available: number
}

type Amount = Explanation['amounts'][number]

function linesOf(
  its: Capacity,
  goals: readonly GoalView[] = [],
  restrained: Explanation['restrained'] = [],
  amounts: { readonly classes?: Amount['classes']; readonly row?: Partial<Amount['row']> } = {},
): string[] {
  const amount = {
    resource: 'cpu',
    unit: 'millicores',
    advice: false,
    capacity: { total: 2000, shrunk: false, ...its },
    classes: amounts.classes ?? [],
    row: { ...{ domain: 'shop', role: 'fixed', use: null, inForce: null, requests: [], gains: [] }, ...amounts.row },
  }
  const explanation = {
    ...{ domain: 'shop', turn: 1, utcMs: 0, host: 'here', verdict: { kind: 'changes', count: 0, triggers: [] } },
    ...{ violations: [], drift: [], lacks: [], goals, changes: [], amounts: [amount] },
    ...{ lastChangedTurn: null, decidedAgain: null, policyHash: '', restrained },
  }
  return renderExplanation(explanation as unknown as Explanation).split('\n')
}

/** The line about what there was to divide. */
const capacityLine = (its: Capacity): string => linesOf(its).find((line) => line.startsWith('The host has')) ?? ''

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

it('a quota that holds a domain back is told for as long as it does', () => {
  const capacity = { headroom: 0, unmanaged: 0, fixed: 0, available: 2000 }
  const lines = linesOf(capacity, [], [{ domain: 'shop', quota: 1440 }]).filter((line) => line.includes('quota'))
  assert.deepEqual(lines, ['  A quota holds it to 1.44 cores, for as long as others wait for what is theirs.'])
})

it('what is asked for after all goals is told apart from them', () => {
  const capacity = { headroom: 0, unmanaged: 0, fixed: 0, available: 2000 }
  const lines = linesOf(capacity, [], [], {
    classes: [
      { priority: 1, satisfied: true },
      { priority: 2, afterGoals: true, satisfied: false },
    ],
    row: {
      ...{ role: 'managed', requests: [100, 300], own: 300, entitlement: 200, allocation: 200, settled: null },
      because: { bound: 'request', priority: 2 } as Amount['row']['because'],
    },
  })
  const all = lines.join('\n')
  assert.match(all, /; what was asked for after all goals could not be served in full\./)
  assert.match(all, /It asks for 0\.1 cores up to priority 1 and 0\.3 cores after all goals\./)
  assert.match(all, /A limit below 0\.3 cores might kill its processes: what they have held of late, and a tenth\./)
  assert.match(all, /that is all it asked for, after all goals\./)
})

describe('who says what a domain needs', () => {
  const goal = {
    ...{ goal: 'quick', domain: 'shop', priority: 1, unit: 'ms', need: { cpu: 800 }, cut: {}, forecasts: [] },
    aim: { kind: 'performance', metric: 'p95', direction: 'below', target: 200 },
    status: { kind: 'missed', measured: 240, target: 200, index: 1.2 },
    because: { kind: 'queue', measured: 240, target: 200, expected: 230, predicted: 160, off: 0 },
    ...{ promised: null, graded: null, record: null, short: null, wouldMeet: [] },
  } as unknown as GoalView
  const said = (its: Partial<GoalView>): string[] =>
    linesOf({ headroom: 0, unmanaged: 0, fixed: 0, available: 2000 }, [{ ...goal, ...its }]).map((line) => line.trim())

  it('is named, with what it predicts', () => {
    const [line = ''] = said({}).filter((its) => its.startsWith('Going by'))
    assert.match(line, /^Going by a model of its queue, it is thought to need 0\.8 cores of cpu: it measured 240 ms/)
    assert.match(line, /where 230 ms were expected, .* 160 ms are predicted, of the 200 ms that are wanted/)
  })

  it('is nobody where a goal states what it needs', () => {
    const lines = said({ because: { kind: 'fixed' } })
    assert.ok(
      lines.includes('It is thought to need 0.8 cores of cpu: the policy states the amounts.'),
      lines.join('\n'),
    )
  })

  it('is told by what it promised, and how well it has done', () => {
    const lines = said({
      promised: { by: 'queue', predicted: 160 },
      graded: { by: 'feedback', turn: 41, predicted: 200, came: 260, off: 0.3, isKept: false },
      record: { made: 4, kept: 3, off: 0.09 },
    })
    for (const line of [
      'By a model of its queue it is promised 160 ms.',
      'In turn 41 feedback promised 200 ms, and 260 ms came: broken.',
      'Of 4 promises to it so far, 3 were kept; what came was worse by 9 % in the mean.',
    ]) {
      assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`)
    }
  })
})
