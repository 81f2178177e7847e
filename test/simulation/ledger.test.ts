import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Change } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { Write } from './faulty-driver.ts'
import { Ledger } from './ledger.ts'

const PLACE = { driver: 'simulator', node: '/a' as NodeId, knob: 'cpu.quota' } as const

/** Reeve made 90 of no quota, 110 was given up, and all was put back. */
function released({ isRefused }: { isRefused: boolean }): Ledger {
  const ledger = new Ledger()
  const setting = { ...PLACE, domain: null, identity: '1@a', original: null }
  ledger.remembered([{ ...setting, lastSet: 90, mayBe: [null] }])
  ledger.wrote(write(null, 90, 'reeve'))
  ledger.told(PLACE as Change, 90)
  ledger.remembered([{ ...setting, lastSet: 110, mayBe: [90] }])
  ledger.told(PLACE as Change, undefined)
  ledger.wrote(write(90, null, 'reeve'))
  ledger.forgot(PLACE, isRefused)
  return ledger
}

function write(before: number | null, after: number | null, by: Write['by']): Write {
  return { ...PLACE, identity: '1@a', before, after, by, change: null }
}

/** Whose doing it is that the change is made after all. */
function madeLate(ledger: Ledger): Write['by'] | undefined {
  ledger.wrote(write(null, 110, 'late'))
  return ledger.of(PLACE, '1@a')?.lastBy
}

describe('what is too late', () => {
  it("is somebody else's once Reeve has let go of the setting, also where the journal refused to forget it", () => {
    for (const isRefused of [false, true]) assert.equal(madeLate(released({ isRefused })), 'stranger')
  })

  it("is Reeve's again after a restart, which finds on record what was not forgotten", () => {
    const ledger = released({ isRefused: true })
    ledger.buried()
    assert.equal(madeLate(ledger), 'late')
  })
})
