import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Change, Outcome } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { Knob, Observation, Setting } from '#core/model/observation.ts'
import type { TurnRecord } from '#ports.ts'
import { OtherWorld } from './world.ts'

/** What one turn has on record of one domain and its knobs, and what the other Reeve does in it. */
interface Turn {
  readonly found: Partial<Record<Knob, Setting>>
  readonly recorded?: Partial<Record<Knob, Setting>>
  readonly other?: Partial<Record<Knob, Setting>>
  /** What became of the recorded plan of the turn before. */
  readonly outcomes?: readonly Outcome['status'][]
  /** A knob that was put back meanwhile, or of which nobody knows. */
  readonly givenUp?: Knob
  readonly drift?: Knob
  readonly identity?: string
  readonly bootId?: string
}

const NODE = '/shop' as NodeId

function planOf(changes: Turn['recorded'] = {}): Change[] {
  return Object.entries(changes).map(([knob, to]) => ({ node: NODE, knob, to, domain: 'shop' }) as unknown as Change)
}

function outcomesOf(turn: Turn, before: Turn | undefined): Outcome[] {
  const givenUp = turn.givenUp === undefined ? [] : [{ status: 'given-up' as const, node: NODE, knob: turn.givenUp }]
  const known = planOf(before?.recorded).map(({ node, knob, to }, i): Outcome => {
    const status = turn.outcomes?.[i] ?? 'applied'
    // As a kernel rounds it.
    if (status === 'applied') return { status, node, knob, to: typeof to === 'number' ? Math.round(to) : to }
    return status === 'failed' ? { status, node, knob, code: 'EIO', message: 'no' } : { status, node, knob }
  })
  return [...known, ...givenUp]
}

function recordOf(turn: Turn, before: Turn | undefined, number: number): TurnRecord {
  const { found, drift, identity = 'a', bootId = 'boot' } = turn
  const weight = (found['cpu.weight'] ?? 100) as number
  return {
    turn: number,
    observation: {
      at: { bootId },
      domains: [
        { name: 'shop', node: NODE, identity, state: found.freeze === 1 ? 'paused' : 'running', settings: found },
      ],
      nodes: [{ id: NODE, weight }],
      outcomes: outcomesOf(turn, before),
    } as unknown as Observation,
    decision: { plan: planOf(turn.recorded), drift: drift === undefined ? [] : [{ domain: 'shop', knob: drift }] },
  } as unknown as TurnRecord
}

/** What the other Reeve sees in the last of the turns. */
function lastSeen(turns: readonly Turn[], set: Knob[] = []): Observation {
  const world = new OtherWorld({ [NODE]: Object.fromEntries(set.map((knob) => [knob, {}])) } as never)
  let seen: Observation | null = null
  for (const [i, turn] of turns.entries()) {
    const record = recordOf(turn, turns[i - 1], i + 1)
    seen = world.see(record)
    world.act(record, planOf(turn.other))
  }
  return seen as Observation
}

const weightSeen = ({ domains, nodes }: Observation) => [domains[0]?.settings['cpu.weight'], nodes[0]?.weight]
const weight = (value: number) => ({ 'cpu.weight': value })

describe('the host of a record under other decisions', () => {
  for (const [what, expected, turns] of [
    [
      'what it set itself',
      300,
      [{ found: weight(100), recorded: weight(200), other: weight(300) }, { found: weight(200) }],
    ],
    [
      'what it set itself where the record has no change',
      300,
      [{ found: weight(100), other: weight(300) }, { found: weight(100) }],
    ],
    [
      'what it had been where only the record has a change',
      100,
      [{ found: weight(100), recorded: weight(200) }, { found: weight(200) }],
    ],
    [
      'what it set last, turns later',
      300,
      [
        { found: weight(100), other: weight(300) },
        { found: weight(100), recorded: weight(200) },
        { found: weight(200), recorded: weight(250) },
        { found: weight(250) },
      ],
    ],
    [
      'the record again once both make the same change',
      401,
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(200), recorded: weight(400), other: weight(400) },
        { found: weight(401) },
      ],
    ],
    [
      'what somebody else set on a knob that the record never turned',
      777,
      [{ found: weight(100), other: weight(300) }, { found: weight(100) }, { found: weight(777) }],
    ],
    [
      'what somebody else set where the record calls it drift',
      777,
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(200) },
        { found: weight(777), drift: 'cpu.weight' },
      ],
    ],
    [
      'what it set over the stranger, who stays on record',
      300,
      [
        { found: weight(100), recorded: weight(200) },
        { found: weight(777), drift: 'cpu.weight', other: weight(300) },
        { found: weight(777), drift: 'cpu.weight' },
      ],
    ],
    [
      'what was there where the change failed by the record too',
      100,
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(100), outcomes: ['failed'] },
      ],
    ],
    [
      'a change that failed in time and was made later, by both',
      200,
      [
        { found: weight(100), recorded: weight(200), other: weight(200) },
        { found: weight(200), outcomes: ['failed'] },
      ],
    ],
    [
      'what another of its name has',
      100,
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(200) },
        { found: weight(100), identity: 'b' },
      ],
    ],
    [
      'what another of its name has, though it was given the same by the record',
      200,
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(200) },
        { found: weight(200), identity: 'b' },
      ],
    ],
    [
      'what somebody else gave another of its name',
      777,
      [
        { found: weight(100), recorded: weight(200) },
        { found: weight(200), identity: 'b', other: weight(300) },
        { found: weight(777), identity: 'b' },
      ],
    ],
    [
      'what it had been where only here an earlier change failed',
      100,
      [
        {
          found: weight(100),
          recorded: { ...weight(200), 'cpu.quota': 5 },
          other: { 'cpu.quota': 5, ...weight(300) },
        },
        { found: weight(200), outcomes: ['applied', 'failed'] },
      ],
    ],
    [
      'what a restarted host has',
      100,
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(100), bootId: 'again' },
      ],
    ],
    [
      'what is there after a release',
      100,
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(100), outcomes: ['given-up'] },
      ],
    ],
    [
      'what is there once it is given up',
      200,
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(200) },
        { found: weight(200), givenUp: 'cpu.weight' },
      ],
    ],
    [
      'what somebody else set after it was given up',
      777,
      [
        { found: weight(100), recorded: weight(200) },
        { found: weight(200), givenUp: 'cpu.weight', other: weight(300) },
        { found: weight(777) },
      ],
    ],
  ] as [string, number, Turn[]][]) {
    it(`shows ${what}`, () => assert.deepEqual(weightSeen(lastSeen(turns)), [expected, expected]))
  }

  it('shows no machine on the way to where only the recorded Reeve sent it', () => {
    const balloon = (value: number) => ({ 'memory.balloon': value })
    const sent = [{ found: balloon(800), recorded: balloon(400) }, { found: balloon(700) }, { found: balloon(500) }]
    assert.equal(lastSeen(sent).domains[0]?.settings['memory.balloon'], 800)
    const sentBefore = [{ found: balloon(800), other: balloon(600) }, { found: balloon(750) }]
    assert.equal(lastSeen(sentBefore, ['memory.balloon']).domains[0]?.settings['memory.balloon'], 600)
  })

  it('has a domain run that only the recorded Reeve paused, and the other way round', () => {
    const paused = lastSeen([{ found: { freeze: 0 }, recorded: { freeze: 1 } }, { found: { freeze: 1 } }])
    assert.deepEqual([paused.domains[0]?.state, paused.domains[0]?.settings.freeze], ['running', 0])
    const running = lastSeen([{ found: { freeze: 0 }, other: { freeze: 1 } }, { found: { freeze: 0 } }])
    assert.deepEqual([running.domains[0]?.state, running.domains[0]?.settings.freeze], ['paused', 1])
  })

  it('shows no knob that was not seen', () => {
    const seen = lastSeen([{ found: weight(100), other: { 'cpu.quota': 500 } }, { found: weight(100) }])
    assert.deepEqual(seen.domains[0]?.settings, weight(100))
  })

  it('changes nothing for one that decides as the record does', () => {
    const turns: Turn[] = [
      { found: weight(100), recorded: weight(200.4), other: weight(200.4) },
      { found: weight(200), recorded: { 'cpu.quota': 5, ...weight(300) }, other: { 'cpu.quota': 5, ...weight(300) } },
      { found: weight(200), outcomes: ['failed', 'not-tried'] },
    ]
    for (const count of [1, 2, 3]) {
      const before = turns[count - 2]
      const { observation } = recordOf(turns[count - 1] as Turn, before, count)
      assert.deepEqual(lastSeen(turns.slice(0, count)), observation)
    }
  })
})

describe('what becomes of other plans', () => {
  const statusesOf = (turns: readonly Turn[]) => lastSeen(turns).outcomes.map(({ status }) => status)

  for (const [what, expected, turns] of [
    [
      'is applied where the record has no such change',
      ['applied'],
      [{ found: weight(100), other: weight(300) }, { found: weight(100) }],
    ],
    [
      'fails where that knob failed, and ends the plan',
      ['failed', 'not-tried'],
      [
        { found: weight(100), recorded: weight(200), other: { ...weight(300), 'cpu.quota': 5 } },
        { found: weight(100), outcomes: ['failed'] },
      ],
    ],
    [
      'is applied where it was not tried after a failure that this plan does not have',
      ['applied'],
      [
        { found: weight(100), recorded: { 'cpu.quota': 5, ...weight(200) }, other: weight(200) },
        { found: weight(100), outcomes: ['failed', 'not-tried'] },
      ],
    ],
    [
      'is not tried where Reeve was stopped',
      ['not-tried'],
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(100), outcomes: ['not-tried'] },
      ],
    ],
    [
      'vanishes with its domain',
      ['vanished'],
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(100), outcomes: ['vanished'] },
      ],
    ],
    [
      'is given up where the recorded one was put back',
      ['given-up'],
      [
        { found: weight(100), recorded: weight(200), other: weight(300) },
        { found: weight(100), outcomes: ['given-up'] },
      ],
    ],
    [
      'is unknown where nobody knows what became of the recorded one, and of that alone',
      ['unknown', 'applied'],
      [
        { found: weight(100), recorded: { 'cpu.quota': 5, ...weight(200) }, other: { ...weight(300), freeze: 1 } },
        { found: weight(100), outcomes: ['unknown', 'unknown'] },
      ],
    ],
    [
      'is followed by what the record gives up',
      ['applied', 'given-up'],
      [
        { found: weight(100), recorded: weight(200), other: { 'cpu.quota': 5 } },
        { found: weight(100), outcomes: ['given-up'] },
      ],
    ],
  ] as [string, string[], Turn[]][]) {
    it(what, () => assert.deepEqual(statusesOf(turns), expected))
  }

  it('was set as asked where it asked for something else, and as the kernel took it where it asked for the same', () => {
    const toOf = (other: number) => {
      const turns = [{ found: weight(100), recorded: weight(200.4), other: weight(other) }, { found: weight(200) }]
      const [outcome] = lastSeen(turns).outcomes
      return outcome?.status === 'applied' ? outcome.to : null
    }
    assert.deepEqual([toOf(200.4), toOf(300.4)], [200, 300.4])
  })
})
