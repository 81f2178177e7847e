import assert from 'node:assert/strict'
import { it } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { DomainName, GoalId } from '#core/model/ids.ts'
import type { GoalReport, RunReport, SimulationReport } from '#simulate/report.ts'
import { renderSimulation } from './simulation.ts'

const GOAL: GoalReport = {
  goal: 'shop-performance-1' as GoalId,
  domain: 'shop' as DomainName,
  priority: 1,
  aim: { kind: 'performance', metric: 'shop-p95', direction: 'below', target: 60 },
  unit: 'ms',
  seconds: 60,
  heldSeconds: 57,
}

function run(heldSeconds: number, changes: number, allocation: readonly (number | null)[]): RunReport {
  return {
    goals: [{ ...GOAL, heldSeconds }],
    classes: [{ priority: 1, seconds: 60, heldSeconds }],
    domains: [
      { name: 'shop', work: 6000, isBatch: false, cpuSeconds: 24, changes },
      { name: 'batch', work: 90, isBatch: true, cpuSeconds: 90, changes: 0 },
    ],
    cpu: { usedSeconds: 114, capacitySeconds: 120 },
    turns: { made: 60, changing: changes, failed: 0, violations: 0, said: [] },
    series: {
      points: 4,
      domains: [
        { name: 'shop', use: [100, 200, 400, 800], allocation },
        { name: 'batch', use: [1000, 1000, 1000, 1000], allocation: [null, null, null, null] },
      ],
      goals: [{ goal: GOAL.goal, domain: 'shop', target: 60, side: 'below', measured: [30, 60, 120, null] }],
    },
  }
}

const REPORT: SimulationReport = {
  scenario: 's.yaml',
  policy: '/etc/reeve/policy.yaml',
  seed: 7,
  seconds: 60,
  startUtcMs: Date.UTC(2026, 0, 5, 8),
  cpus: 2,
  memory: 4 * 1024 ** 3,
  warnings: [],
  notes: ['the policy only advises'],
  managed: run(57, 3, [800, 800, 400, 400]),
  unmanaged: null,
}
const text = (report: SimulationReport) => stripVTControlCharacters(renderSimulation(report, 80))

it('a simulation is told on one screen', () => {
  assert.equal(
    text(REPORT),
    `s.yaml with policy /etc/reeve/policy.yaml: a SIMULATED host of 2 CPUs, 4 GiB, 1 min, seed 7
the policy only advises

Seconds in which each goal held
PRIORITY  DOMAIN  GOAL                    HELD  SECONDS
1         shop    shop-p95 at most 60 ms  95 %  60

What was done
DOMAIN  WORK          CPU        CHANGES  PER MINUTE
shop    6000 answers  0.4 cores  3        3
batch   90 CPU s      1.5 cores  0        0

CPU used: 95 % of 120 CPU s. 60 turns, 3 of which changed something.

How it went, from 2026-01-05 08:00:00 UTC, 1 min
shop   allocated  ██▄▄  up to 0.8 cores
       uses       ▁▂▄█
batch  uses       ████  up to 1 core
shop   measured   ▂▄█·  60 ms at half height`,
  )
})

it('what was without Reeve stands beside it', () => {
  const lines = text({ ...REPORT, unmanaged: run(6, 0, [null, null, null, null]) }).split('\n')
  assert.ok(
    lines.some((line) => /^1 +shop .* 95 % +10 % +60$/.test(line)),
    lines.join('\n'),
  )
  assert.ok(lines.some((line) => /^PRIORITY .*HELD +WITHOUT REEVE +SECONDS$/.test(line)))
  assert.equal(lines.filter((line) => /^ +without Reeve +/.test(line)).length, 3)
})

it('goals with the same aim are told apart by their names', () => {
  const { managed } = REPORT
  const goals = [...managed.goals, { ...GOAL, goal: 'first-minute' as GoalId, priority: 2 }]
  const lines = text({ ...REPORT, managed: { ...managed, goals } })
  assert.match(lines, /^1 +shop +shop-p95 at most 60 ms \(shop-performance-1\) /m)
  assert.match(lines, /^2 +shop +shop-p95 at most 60 ms \(first-minute\) /m)
})

it('what should not be is said', () => {
  const turns = { made: 60, changing: 3, failed: 2, violations: 1, said: ['turn 3 was not made'] }
  const lines = text({ ...REPORT, managed: { ...REPORT.managed, turns } })
  assert.match(lines, /2 changes failed\. 1 violation found by the checker: report it\./)
  assert.match(lines, /^turn 3 was not made$/m)
})
