import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { cpusOf } from './topology.ts'

const made: string[] = []
after(() => {
  for (const dir of made) rmSync(dir, { recursive: true })
})

/** A directory of files as the kernel shows them, by path and text. */
function sysfs(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'reeve-topology-'))
  made.push(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), `${text}\n`)
  }
  return root
}

const topology = (cpu: number, core: number, socket: number) => ({
  [`cpu/cpu${cpu}/topology/core_id`]: `${core}`,
  [`cpu/cpu${cpu}/topology/physical_package_id`]: `${socket}`,
})
const cache = (cpu: number, index: number, level: number, list: string) => ({
  [`cpu/cpu${cpu}/cache/index${index}/level`]: `${level}`,
  [`cpu/cpu${cpu}/cache/index${index}/shared_cpu_list`]: list,
})

describe('the CPUs of a host', () => {
  it('stand where the kernel says: siblings, two caches in a socket, and nodes', () => {
    const files = [0, 1, 2, 3].flatMap((core) =>
      [core, core + 4].flatMap((cpu) => [
        topology(cpu, core, 0),
        // Level 1 is told twice, for data and for instructions, and not always before the others.
        cache(cpu, 0, 3, core < 2 ? '0-1,4-5' : '2-3,6-7'),
        cache(cpu, 1, 1, `${core},${core + 4}`),
        cache(cpu, 2, 1, `${core},${core + 4}`),
      ]),
    )
    const root = sysfs(Object.assign({ 'node/node0/cpulist': '0-3', 'node/node1/cpulist': '4-7' }, ...files))
    const cpus = cpusOf([0, 1, 2, 3, 4, 5, 6, 7], root)
    assert.deepEqual(
      cpus.map(({ core }) => core),
      [0, 1, 2, 3, 0, 1, 2, 3],
    )
    assert.deepEqual(
      cpus.map(({ cache }) => cache),
      [0, 0, 2, 2, 0, 0, 2, 2],
    )
    assert.deepEqual(
      cpus.map(({ node }) => node),
      [0, 0, 0, 0, 1, 1, 1, 1],
    )
  })

  it('share the cache of the socket where no cache is shared by cores', () => {
    const files = [0, 1, 2, 3].flatMap((cpu) => [topology(cpu, cpu, cpu < 2 ? 0 : 1), cache(cpu, 0, 2, `${cpu}`)])
    const cpus = cpusOf([0, 1, 2, 3], sysfs(Object.assign({}, ...files)))
    assert.deepEqual(
      cpus.map(({ socket, cache }) => [socket, cache]),
      [
        [0, 0],
        [0, 0],
        [1, 2],
        [1, 2],
      ],
    )
  })

  it('name a cache by one of those that Reeve may use', () => {
    const files = [0, 1, 2, 3].flatMap((cpu) => [topology(cpu, cpu, 0), cache(cpu, 0, 3, '0-3')])
    const cpus = cpusOf([2, 3], sysfs(Object.assign({}, ...files)))
    assert.deepEqual(
      cpus.map(({ cache }) => cache),
      [2, 2],
    )
  })

  it('are cores of one socket and node where the kernel does not say', () => {
    const cpus = cpusOf([0, 1], sysfs({ 'cpu/cpu0/topology/core_id': '-1' }))
    assert.deepEqual(cpus, [
      { id: 0, core: 0, socket: 0, node: 0, cache: 0 },
      { id: 1, core: 1, socket: 0, node: 0, cache: 0 },
    ])
  })
})
