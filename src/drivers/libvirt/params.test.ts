import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PARAM_BYTES, packParams, unpackParams } from './params.ts'

const noText = (): string => assert.fail('no pointer was expected')

test('what is packed reads back, of every type that is written', () => {
  const packed = packParams([
    ['cpu_shares', 'ullong', 262_144],
    ['vcpu_quota', 'llong', -1],
    ['weight', 'uint', 4_000_000_000],
    ['flag', 'int', -7],
  ])
  assert.equal(packed.length, 4 * PARAM_BYTES)
  assert.deepEqual(
    [...unpackParams(packed, 4, noText)],
    [
      ['cpu_shares', 262_144],
      ['vcpu_quota', -1],
      ['weight', 4_000_000_000],
      ['flag', -7],
    ],
  )
})

test('doubles, truth values and texts are read, and what is not known is left out', () => {
  const packed = packParams(['a', 'b', 'c', 'd'].map((field) => [field, 'int', 0] as const))
  const put = (i: number, type: number): number => {
    packed.writeInt32LE(type, i * PARAM_BYTES + 80)
    return i * PARAM_BYTES + 88
  }
  packed.writeDoubleLE(0.25, put(0, 5))
  packed.writeUInt8(1, put(1, 6))
  packed.writeBigUInt64LE(4096n, put(2, 7))
  put(3, 99)
  assert.deepEqual(
    [...unpackParams(packed, 4, (pointer) => `text at ${pointer}`)],
    [
      ['a', 0.25],
      ['b', true],
      ['c', 'text at 4096'],
    ],
  )
})

test('a field name that is too long is cut, never written beyond its place', () => {
  const packed = packParams([['x'.repeat(200), 'int', 5]])
  assert.deepEqual([...unpackParams(packed, 1, noText)], [['x'.repeat(79), 5]])
})

test('texts lie behind the parameters, each at the address that its parameter tells', () => {
  const params = [
    ['a', 'string', 'one'],
    ['b', 'ullong', 5],
    ['c', 'string', 'two'],
  ] as const
  const packed = packParams(params, () => 1000n)
  const textAt = (pointer: bigint) => packed.toString('latin1', Number(pointer) - 1000).replace(/\0.*/, '')
  assert.deepEqual(
    [...unpackParams(packed, 3, textAt)],
    [
      ['a', 'one'],
      ['b', 5],
      ['c', 'two'],
    ],
  )
})
