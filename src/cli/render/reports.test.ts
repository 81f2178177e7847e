import assert from 'node:assert/strict'
import { it } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { Change, ChangeReason, Trigger } from '#core/model/decision.ts'
import type { DomainName, Identity, NodeId } from '#core/model/ids.ts'
import { CPU } from '#core/model/resource.ts'
import { renderHistory } from './reports.ts'

const FIRST: Trigger = { kind: 'first-allocation', resource: CPU, domain: 'shop' as DomainName }
const WAITS: ChangeReason = { kind: 'restraint', use: 1220, inForce: 850, short: 'shop' as DomainName }
const change = (knob: 'cpu.weight' | 'cpu.quota', because: ChangeReason): Change => ({
  domain: 'batch' as DomainName,
  node: '/batch' as NodeId,
  identity: '1@boot' as Identity,
  driver: 'cgroup',
  resource: CPU,
  direction: 'shrink',
  knob,
  from: knob === 'cpu.weight' ? 1024 : null,
  to: 850,
  because,
})

function text(triggers: readonly Trigger[], changes: readonly Change[]): string[] {
  const verdict = { kind: 'changes', count: changes.length, triggers } as const
  const withOutcome = changes.map((its) => {
    const { node, knob, to } = its
    return { change: its, outcome: { status: 'applied', node, knob, to } as const }
  })
  const turns = [{ turn: 7, utcMs: 0, verdict, changes: withOutcome }]
  return stripVTControlCharacters(renderHistory({ turns })).split('\n')
}

it('of a change that follows from what was off, the line of the turn says why', () => {
  const because = { kind: 'allocation', resource: CPU, from: null, to: 850, trigger: FIRST } as const
  assert.deepEqual(text([FIRST], [change('cpu.weight', because), change('cpu.quota', WAITS)]), [
    'turn 7  1970-01-01 00:00:00 UTC  2 changes, because shop had no cpu allocation yet',
    '  cpu.weight of /batch: 1024 -> 850 (applied)',
    '  cpu.quota of /batch: no limit -> 0.85 cores (applied), because it used 1.22 cores, entitled to 0.85 cores, and shop waits for that',
  ])
})

it('where allocations stay as they are, each change says why', () => {
  const lines = text(
    [],
    [change('cpu.weight', { kind: 'hierarchy', inside: 850, unmanaged: 0 }), change('cpu.quota', WAITS)],
  )
  assert.match(
    lines[1] ?? '',
    /, because this place in the hierarchy holds what the domains inside it are entitled to$/,
  )
  assert.match(lines[2] ?? '', /, because it used 1\.22 cores, entitled to 0\.85 cores, and shop waits for that$/)
})
