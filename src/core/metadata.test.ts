import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { narrowed } from './metadata.ts'
import type { DomainMetadata, DomainObservation } from './model/observation.ts'
import type { DomainPolicy } from './model/policy.ts'
import { CPU } from './model/resource.ts'
import { domain, share } from './world.fixture.ts'

const ALL = { groups: ['web', 'batch'], ignore: true, pin: true, limit: true }
const NOTHING: DomainMetadata = { groups: [], ignore: false, pin: null, limits: {}, refused: [] }
const ask = (its: Partial<DomainPolicy>, metadata: Partial<DomainMetadata>): DomainPolicy =>
  narrowed(domain('a', { metadata: ALL, ...its }), { metadata: { ...NOTHING, ...metadata } } as DomainObservation)

describe('metadata of a domain', () => {
  it('only narrows', () => {
    const shares = { [CPU]: share({ reservation: 800, own: 900, limit: 2000 }) }
    assert.deepEqual(ask({ shares }, { limits: { cpu: 4000 } }).shares, shares)
    const less = ask({ shares }, { limits: { cpu: 500 } }).shares[CPU]
    assert.deepEqual([less?.reservation, less?.own, less?.limit], [500, 500, 500])
    assert.equal(ask({}, { limits: { cpu: 500 } }).shares[CPU]?.limit, 500)
    const placement = { pin: [0, 1], near: [], apart: [] }
    assert.deepEqual(ask({ placement }, { pin: [1, 2, 3] }).placement.pin, [1])
    assert.deepEqual(ask({ placement }, { pin: [2, 3] }).placement.pin, [0, 1])
    assert.deepEqual(ask({}, { pin: [2, 3] }).placement.pin, [2, 3])
  })

  it('counts for a resource that the policy has controlled, and no other', () => {
    assert.deepEqual(Object.keys(ask({}, { limits: { memory: 1, cpu: 500 } }).shares), ['cpu'])
  })

  it('joins groups that the policy names', () => {
    assert.deepEqual(ask({ groups: ['batch'] }, { groups: ['web', 'batch', 'admins'] }).groups, ['batch', 'web'])
  })

  it('counts for nothing where the policy does not allow it', () => {
    const said = { groups: ['web'], ignore: true, pin: [1], limits: { cpu: 1 } }
    const plain = domain('a')
    assert.deepEqual(ask({ metadata: null }, said), plain)
    const none = { groups: [], ignore: false, pin: false, limit: false }
    assert.deepEqual(ask({ metadata: none }, said), { ...plain, metadata: none })
    assert.equal(ask({}, said).role, 'ignored')
  })
})
