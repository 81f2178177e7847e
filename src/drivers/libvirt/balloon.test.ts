import assert from 'node:assert/strict'
import { test } from 'node:test'
import { balloonSetting } from './balloon.ts'

const MIB = 1024 * 1024

test('what was asked is in force while the machine is on its way, and when it is there', () => {
  const asked = { from: 200 * MIB, to: 100 * MIB }
  for (const actual of [200, 150, 100, 99.5]) assert.equal(balloonSetting(asked, actual * MIB), 100 * MIB)
  assert.equal(balloonSetting({ from: 100 * MIB, to: 200 * MIB }, 150 * MIB), 200 * MIB)
})

test('what lies outside was asked for by somebody else', () => {
  const asked = { from: 200 * MIB, to: 100 * MIB }
  for (const actual of [250, 90]) assert.equal(balloonSetting(asked, actual * MIB), actual * MIB)
})

test('nobody asked: it is what it is', () => assert.equal(balloonSetting(undefined, 5), 5))
