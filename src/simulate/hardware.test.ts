import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { renderFault } from '#policy/parse.ts'
import { parseScenario } from './parse.ts'

const POLICY = 'policy:\n  apiVersion: reeve/v1\n  domains: { jobs: {} }\n'
const text = (host: string, rest = '') =>
  `apiVersion: reeve-scenario/v1\nhost: { duration: 1m, ${host} }\n${POLICY}domains:\n  jobs: { load: { kind: batch, threads: 1 }${rest} }\n`
const parse = (host: string, rest?: string) =>
  parseScenario(text(host, rest), { file: 's', read: () => ({ ok: false, message: 'ENOENT' }) })
function hostOf(host: string) {
  const parsed = parse(host)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(renderFault).join('\n'))
  return parsed.scenario.host
}
const said = (host: string, rest?: string): string[] => {
  const parsed = parse(host, rest)
  return parsed.ok ? [] : parsed.faults.map(({ message }) => message)
}

describe('the hardware of a scenario', () => {
  it('is not known where nothing is said of it', () => assert.equal(hostOf('cpus: 4').hardware, null))

  it('says how many CPUs there are', () => {
    const { cpus, hardware } = hostOf('sockets: 2, cores: 8, threads: 2, caches: 2')
    assert.equal(cpus, 32)
    assert.deepEqual(hardware, { sockets: 2, cores: 8, threads: 2, caches: 2, nodes: 2 })
    assert.equal(hostOf('sockets: 2, cores: 8, threads: 2, cpus: 32').cpus, 32)
  })

  it('follows from how many CPUs there are', () => {
    assert.deepEqual(hostOf('cpus: 16, threads: 2').hardware, { sockets: 1, cores: 8, threads: 2, caches: 1, nodes: 1 })
    assert.deepEqual(hostOf('cpus: 16, sockets: 4, nodes: 2').hardware, {
      sockets: 4,
      cores: 4,
      threads: 1,
      caches: 1,
      nodes: 2,
    })
  })

  const refused: readonly (readonly [host: string, message: string])[] = [
    ['sockets: 2', '`cpus` is missing'],
    ['sockets: 2, cores: 8, threads: 2, cpus: 16', '2 sockets with 8 cores with 2 threads are 32 CPUs, not 16'],
    ['cpus: 6, sockets: 2, threads: 2', '6 CPUs are not the same number for each of 2 sockets with 2 threads'],
    ['cores: 8, caches: 3', 'the 8 cores of a socket cannot be divided among 3 caches alike'],
    ['sockets: 2, cores: 8, nodes: 3', '3 nodes and 2 sockets: neither is a multiple of the other'],
    ['sockets: 1, cores: 6, nodes: 4', 'the 6 cores cannot be divided among 4 nodes alike'],
    ['sockets: 64, cores: 1024', '64 sockets with 1024 cores are 65536 CPUs'],
    ['cpus: 8, threads: 4', '`4` is not a number of threads of each core, 1 or 2'],
  ]
  for (const [host, message] of refused) it(`is refused: ${host}`, () => assert.deepEqual(said(host), [message]))

  it('is refused with everything else that is wrong', () => {
    assert.deepEqual(said('cpus: 9, cores: 8, caches: 3, sead: 1', ', wait: 5'), [
      '8 cores are 8 CPUs, not 9',
      'the 8 cores of a socket cannot be divided among 3 caches alike',
      'unknown key `sead`',
      'unknown key `wait`',
    ])
  })

  it('says nothing of what follows from a number that cannot be read', () => {
    assert.deepEqual(said('cpus: 9, sockets: 2, cores: none'), [
      '`none` is not a number of cores of each socket, from 1 to 1024',
    ])
  })
})

describe('CPUs on which a domain is found', () => {
  it('are read as elsewhere', () => {
    const parsed = parse('cpus: 4', ', cpus: "0-1,3"')
    assert.deepEqual(parsed.ok ? parsed.scenario.domains[0]?.cpus : parsed.faults, [0, 1, 3])
  })

  it('are refused where the host has no such', () => {
    assert.deepEqual(said('cpus: 4', ', cpus: 3-4'), ['the host has CPUs 0 to 3 only'])
    assert.deepEqual(said('cpus: 4', ', cpus: 3-2'), ['`3-2` has a range that runs backwards'])
  })
})
