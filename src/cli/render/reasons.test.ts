import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChangeReason } from '#core/model/decision.ts'
import type { EstimateReason } from '#core/model/estimate-reason.ts'
import { changeReasonText, estimateText } from './reasons.ts'

type ByActivity = Extract<ChangeReason, { rule: 'activity' }>
const near: ByActivity = {
  kind: 'placement',
  rule: 'activity',
  cpus: '0-3',
  activity: 'network',
  by: 'network-interrupts',
  serving: '0-1',
}

const cases: readonly [ChangeReason, string][] = [
  [{ kind: 'placement', rule: 'pin', cpus: '0' }, 'its CPUs are 0 (pin)'],
  [
    near,
    'its CPUs are 0-3 (activity), because it does mostly network traffic, and CPUs 0-1 serve the interrupts of network devices',
  ],
  [
    { ...near, activity: 'disk', by: 'disk-interrupts', serving: '2' },
    'its CPUs are 0-3 (activity), because it mostly reads and writes, and CPU 2 serves the interrupts of disks',
  ],
  [{ ...near, serving: '' }, 'its CPUs are 0-3 (activity), because it does mostly network traffic'],
  [
    { ...near, activity: 'compute', by: 'anywhere', serving: '' },
    'its CPUs are 0-3 (activity), because it mostly computes, and the others are kept for what is time-critical',
  ],
]
for (const [because, text] of cases)
  test(`a reason reads: ${text}`, () => assert.equal(changeReasonText(because), text))

const estimates: readonly [EstimateReason, unit: string, string][] = [
  [
    { kind: 'feedback', measured: 300, target: 200, factor: 1.25, from: 500 },
    'ms',
    'it measured 300 ms where 200 ms are wanted, so 1.25 times 0.5 cores are asked for now; the most of the last 30 to 60 s counts',
  ],
  [
    { kind: 'work-cost', use: 400, throughput: 100, target: 150, perUnit: 4, margin: 1.15, delivered: 1 },
    'requests/s',
    'it used 0.4 cores for 100 requests/s, so 4 millicores for each of the 150 requests/s that are wanted, and 15 % more because that varies',
  ],
  [
    { kind: 'arrivals', rate: 3000, target: 20_000, perUnit: 0.2, margin: 1.15 },
    'packets/s',
    '3000 packets/s arrive at 0.2 millicores for each, and 15 % more because that varies',
  ],
]
for (const [because, unit, text] of estimates)
  test(`an estimate reads: ${text}`, () =>
    assert.equal(
      estimateText(because, unit, () => 'millicores'),
      text,
    ))
