import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compareSettings, hasArrived, underWay } from './drift.ts'
import type { SetKnob } from './model/knowledge.ts'
import type { DomainObservation, Knob, Setting } from './model/observation.ts'
import { MEMORY } from './model/resource.ts'

const MIB = 1024 * 1024
const seenWith = (knob: Knob, value: Setting) =>
  ({ name: 'a', settings: { [knob]: value }, most: { [MEMORY]: 256 * MIB } }) as unknown as DomainObservation
const sight = (knob: Knob, ours: SetKnob, found: Setting) =>
  compareSettings(seenWith(knob, found), undefined, { [knob]: ours }, 'yield')
const asked = (from: number, to: number, before?: SetKnob): SetKnob => ({
  value: to * MIB,
  underWay: underWay('memory.balloon', before, from * MIB, to * MIB),
  before: null,
  atMs: 0,
})

describe('drift of settings', () => {
  it('takes a guest that is on its way for being there', () => {
    for (const found of [200, 150, 100, 99.5]) {
      const { settings, drift } = sight('memory.balloon', asked(200, 100), found * MIB)
      assert.deepEqual([settings, drift], [{ 'memory.balloon': 100 * MIB }, []], `${found}`)
    }
  })

  it('knows what lies off that way for the doing of somebody else', () => {
    for (const found of [230, 80]) {
      const { settings, drift } = sight('memory.balloon', asked(200, 100), found * MIB)
      assert.deepEqual(settings, { 'memory.balloon': found * MIB })
      assert.equal(drift.length, 1, `${found}`)
    }
  })

  it('remembers the way that was asked for before, while the guest is still on it', () => {
    const turned = asked(160, 150, asked(200, 100))
    assert.deepEqual(sight('memory.balloon', turned, 130 * MIB).drift, [])
    const arrived = asked(100, 150, asked(200, 100))
    assert.equal(sight('memory.balloon', arrived, 180 * MIB).drift.length, 1)
  })

  it('holds what a guest has after it arrived for news', () => {
    const arrived: SetKnob = { ...asked(200, 100), underWay: null }
    assert.deepEqual(sight('memory.balloon', arrived, 99.5 * MIB).settings, { 'memory.balloon': 100 * MIB })
    assert.equal(sight('memory.balloon', arrived, 150 * MIB).drift.length, 1)
    assert.deepEqual(sight('memory.balloon', arrived, 256 * MIB).settings, { 'memory.balloon': 256 * MIB })
    assert.equal(hasArrived('memory.balloon', asked(200, 100), 100 * MIB), true)
    assert.equal(hasArrived('memory.balloon', asked(200, 100), 150 * MIB), false)
    const count: SetKnob = { value: 1, underWay: underWay('cpu.count', undefined, 2, 1), before: null, atMs: 0 }
    assert.deepEqual(sight('cpu.count', count, 2).settings, { 'cpu.count': 2 })
  })

  it('does not blame anybody for a guest that has booted, nor for what guests do themselves', () => {
    const booted = sight('memory.balloon', asked(200, 100), 256 * MIB)
    assert.deepEqual([booted.settings, booted.drift], [{ 'memory.balloon': 256 * MIB }, []])
    const plain = (value: Setting): SetKnob => ({ value, underWay: null, before: null, atMs: 0 })
    assert.deepEqual(sight('sched', plain('batch:0:0'), 'other:0:0').drift, [])
    assert.deepEqual(sight('cpu.weight', plain(1000), 1015).drift, [])
    assert.equal(sight('cpu.weight', plain(1000), 1025).drift.length, 1)
    assert.equal(sight('cpu.quota', plain(500), null).drift.length, 1)
  })
})
