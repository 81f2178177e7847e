import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChangeReason } from '#core/model/decision.ts'
import { changeReasonText } from './reasons.ts'

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
