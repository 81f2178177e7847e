import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyHash } from './hash.ts'

test('a policy is named by every byte of its text', () => {
  // The well-known digest of "abc".
  assert.equal(policyHash('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.notEqual(policyHash('a: 1\n'), policyHash('a: 1 # why\n'))
})
