import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cpusOf, plainHardware } from './hardware.ts'

const column = (hardware: Parameters<typeof cpusOf>[0], key: 'core' | 'socket' | 'node' | 'cache') =>
  cpusOf(hardware).map((cpu) => cpu[key])

describe('the CPUs of a simulated host', () => {
  const two = { sockets: 2, cores: 4, threads: 2, caches: 2, nodes: 2 }

  it('are numbered as by Linux on x86: one thread of every core, then the siblings', () => {
    assert.deepEqual(
      cpusOf(two).map(({ id }) => id),
      Array.from({ length: 16 }, (_, id) => id),
    )
    assert.deepEqual(column(two, 'core'), [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7])
    assert.deepEqual(column(two, 'socket'), [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1])
    assert.deepEqual(column(two, 'cache'), [0, 0, 1, 1, 2, 2, 3, 3, 0, 0, 1, 1, 2, 2, 3, 3])
    assert.deepEqual(column(two, 'node'), column(two, 'socket'))
  })

  it('may have several nodes in a socket, or several sockets in a node', () => {
    assert.deepEqual(column({ ...two, threads: 1, nodes: 4 }, 'node'), [0, 0, 1, 1, 2, 2, 3, 3])
    assert.deepEqual(column({ ...two, threads: 1, nodes: 1 }, 'node'), [0, 0, 0, 0, 0, 0, 0, 0])
  })

  it('are alike where no more is known than their number', () => {
    assert.deepEqual(cpusOf(plainHardware(2)), [
      { id: 0, core: 0, socket: 0, node: 0, cache: 0 },
      { id: 1, core: 1, socket: 0, node: 0, cache: 0 },
    ])
  })
})
