import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decimal } from './decimal.ts'

for (const [text, expected] of [
  ['12', 12],
  ['-0.5', -0.5],
  ['+3.', 3],
  ['.25', 0.25],
  ['1.5e3', 1500],
  ['2E-2', 0.02],
  ['1e999', Number.POSITIVE_INFINITY],
  ['', null],
  [' 12', null],
  ['12\n', null],
  ['12 ms', null],
  ['1,5', null],
  ['0x10', null],
  ['1_000', null],
  ['NaN', null],
  ['Infinity', null],
  ['e5', null],
  ['.', null],
] as const)
  test(`${JSON.stringify(text)} is ${expected ?? 'no number'}`, () => assert.equal(decimal(text), expected))
