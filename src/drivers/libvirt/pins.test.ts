import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pinsOf, pinText } from './pins.ts'

const map = (...bytes: number[]) => Buffer.from(bytes)

test('one list where all may run on the same CPUs', () => {
  const all = map(0b0000_1011, 0b1)
  assert.equal(pinText({ vcpus: [all, all], emulator: all }), '0-1,3,8')
})

test('a list for each where they differ, and back', () => {
  const pins = { vcpus: [map(1), map(2)], emulator: map(3) }
  assert.equal(pinText(pins), '0=0 1=1 emulator=0-1')
  assert.deepEqual(pinsOf('0=0 1=1 emulator=0-1', 2, 2), pins)
})

test('a vCPU that was added since is not named, and keeps what it has', () => {
  assert.deepEqual(pinsOf('0=0 emulator=1', 2, 2), { vcpus: [map(1), null], emulator: map(2) })
})

test('no list is every CPU, and CPUs that the host does not have are left out', () => {
  assert.deepEqual(pinsOf('', 1, 10), { vcpus: [map(255, 3)], emulator: map(255, 3) })
  assert.deepEqual(pinsOf('1,64', 1, 2), { vcpus: [map(2)], emulator: map(2) })
})
