import assert from 'node:assert/strict'
import { test } from 'node:test'
import { devicesOf } from './devices.ts'

test('what a machine moved is summed over its devices, also where one tells nothing', () => {
  const stats = new Map<string, string | number>([
    ['block.count', 2],
    ['block.0.name', 'vda'],
    ['block.0.path', '/disk'],
    ['block.0.rd.bytes', 4096],
    ['block.0.rd.reqs', 1],
    ['block.0.wr.bytes', 512],
    ['block.0.wr.reqs', 2],
    ['block.1.name', 'sda'],
    ['net.count', 2],
    ['net.0.name', 'vnet0'],
    ['net.0.rx.bytes', 100],
    ['net.0.rx.pkts', 2],
    ['net.0.tx.drop', 1],
    ['net.1.name', 'vnet1'],
    ['net.1.rx.bytes', 50],
  ])
  assert.deepEqual(devicesOf(stats), {
    disks: ['vda'],
    interfaces: ['vnet0', 'vnet1'],
    counters: {
      'io.read': 4096,
      'io.write': 512,
      'io.readOps': 1,
      'io.writeOps': 2,
      'net.rx': 150,
      'net.tx': 0,
      'net.rxPackets': 2,
      'net.txPackets': 0,
      'net.rxDrops': 0,
      'net.txDrops': 1,
    },
  })
})

test('an empty drive is no disk to limit, a disk of a network is one', () => {
  const stats = new Map<string, string | number>([
    ['block.count', 2],
    ['block.0.name', 'sda'],
    ['block.1.name', 'vda'],
    ['block.1.capacity', 4096],
  ])
  assert.deepEqual(devicesOf(stats).disks, ['vda'])
})

test('a machine without devices has no counters of them', () =>
  assert.deepEqual(devicesOf(new Map()), { disks: [], interfaces: [], counters: {} }))

test('disks that nobody asked about are those that are known, and have counted nothing', () => {
  const stats = new Map([['net.count', 0]])
  assert.deepEqual(devicesOf(stats, ['vda']), { disks: ['vda'], interfaces: [], counters: {} })
  assert.deepEqual(devicesOf(stats.set('block.count', 0), ['vda']).disks, [])
})
