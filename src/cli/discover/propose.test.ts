import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parsePolicy } from '#policy/parse.ts'
import type { Discovery, FoundMachine } from './found.ts'
import { vcpuQuotaOf } from './machines.ts'
import { createNames } from './names.ts'
import { proposePolicy } from './propose.ts'

const MIB = 1024 * 1024
const CAPACITY = { cpu: 4000, memory: 4096 * MIB }

const machine = (name: string, its: Partial<FoundMachine> = {}): FoundMachine => ({
  name,
  kind: 'machine',
  uri: 'qemu:///system',
  uuid: '6b3a6d1e-0f0c-4c35-9d3b-1d5f1f6a0001',
  machine: name,
  vcpuQuota: null,
  cpu: 100,
  memory: 64 * MIB,
  hardware: { vcpus: 2, balloon: 1024 * MIB },
  limits: { cpu: null, memory: null },
  weight: 1,
  ...its,
})
const discovery = (found: readonly FoundMachine[], its: Partial<Discovery> = {}): Discovery => ({
  seconds: 2,
  named: [],
  found,
  silent: [],
  unwatched: [],
  unknown: 0,
  ...its,
})

/** The policy that is proposed, which must be a good one. */
function proposed(its: Discovery) {
  const text = proposePolicy(its, CAPACITY)
  const parsed = parsePolicy(text, { file: 'proposal', capacity: CAPACITY, knownDrivers: ['cgroup', 'libvirt'] })
  assert.ok(parsed.ok, text)
  assert.deepEqual(parsed.warnings, [])
  return { text, policy: parsed.policy }
}

describe('the policy that is proposed for machines', () => {
  it('promises the memory that they have, and leaves it alone where that is too much', () => {
    const three = ['a', 'b', 'c'].map((name) => machine(name))
    assert.match(proposed(discovery(three)).text, /memory: \{ reservation: 1024MiB \}/)
    const four = proposed(discovery([...three, machine('d')]))
    assert.doesNotMatch(four.text, /memory:/)
    assert.match(four.text, /^# The machines have more memory together than this host can promise/m)
  })

  it('takes each name as it is, whatever YAML would make of it', () => {
    const names = ['null', 'true', '0x10', '1e3', '10', '1.0', 'a:b', 'web@1', 'x-1_2.3']
    const { policy } = proposed(discovery(names.map((name) => machine(name, { hardware: null }))))
    assert.deepEqual(policy.domains.map(({ name }) => name).sort(), names.sort())
  })

  it('keeps limits that are below what domains start from', () => {
    const { policy } = proposed(discovery([machine('slow', { limits: { cpu: 5, memory: null } })]))
    const { reservation, limit } = policy.domains[0]?.shares['cpu' as keyof object] ?? {}
    assert.deepEqual([reservation, limit], [5, 5])
  })

  it('says which connections it looked at, and which of them were silent', () => {
    const uri = 'qemu+ssh://root@other/system'
    const silent = [{ uri, reason: 'not running' }]
    const { text, policy } = proposed(discovery([machine('a')], { named: [uri], silent }))
    assert.deepEqual(policy.host.libvirt, [uri])
    assert.match(text, /^# The machines of qemu\+ssh:\/\/root@other\/system are not here: not running$/m)
    // Most hosts have no libvirt, which is no news.
    assert.doesNotMatch(proposePolicy(discovery([], { silent }), CAPACITY), /not here/)
  })
})

describe('names for what is found', () => {
  it('keeps those that a policy can hold, each once', () => {
    const names = createNames()
    assert.deepEqual(['shop', 'shop', 'a b', '', 'x'.repeat(65), 'constructor', '*', 'a\nb'].map(names.keep), [
      'shop',
      null,
      null,
      null,
      null,
      null,
      null,
      null,
    ])
  })

  it('makes others of what they can hold', () => {
    const names = createNames()
    const made = ['batch büro', 'batch/büro', '仮想', '', '*', 'x'.repeat(500), 'a\u001b[31m', 'constructor']
    assert.deepEqual(
      made.map((name) => names.make(name, 'machine')),
      ['batch-b-ro', 'batch-b-ro-2', 'machine', 'machine-2', 'machine-3', 'x'.repeat(40), 'a-31m', 'constructor-2'],
    )
  })
})

describe('the quota of vCPUs', () => {
  const quota = (value: number) => new Map([['vcpu_quota', value] as const, ['vcpu_period', 100_000] as const])

  it('is that of each, for all of them', () => {
    assert.equal(vcpuQuotaOf(quota(40_000), 2), 800)
    for (const none of [-1, 0, 2 ** 54]) assert.equal(vcpuQuotaOf(quota(none), 2), null)
    assert.equal(vcpuQuotaOf(new Map(), 2), null)
  })
})
