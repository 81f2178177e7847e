import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CPU } from '#core/model/resource.ts'
import { domain, policy } from '#core/world.fixture.ts'
import { lookEveryMs } from '#daemon/looks.ts'
import { parsePolicy } from '#policy/parse.ts'
import { Questions } from './questions.ts'

describe('questions of looks', () => {
  const entry = (controls: readonly string[]) => ({ policy: { ...domain('a'), controls } as never, index: 0 })
  const looks = (questions: Questions, count: number, controls: readonly string[] = [CPU]) =>
    Array.from({ length: count }, () => questions.next([entry(controls)]))

  it('are about what is dear with the first look, and with every second', () => {
    const asked = looks(new Questions(), 5).map((groups) => groups.includes('vcpu'))
    assert.deepEqual(asked, [true, false, true, false, true])
  })

  it('are about all after something has happened', () => {
    const questions = new Questions()
    looks(questions, 1)
    questions.hear()
    assert.deepEqual(
      looks(questions, 2).map((groups) => groups.includes('vcpu')),
      [true, true],
    )
  })

  it('are about disks with every look where a policy shares them', () => {
    assert.ok(looks(new Questions(), 4, [CPU, 'io.read:8:0']).every((groups) => groups.includes('block')))
  })

  it('are asked anew before a metric of disks goes stale', () => {
    const questions = new Questions()
    const told = looks(questions, 20).flatMap((groups, index) => (groups.includes('block') ? [index] : []))
    const gaps = told.slice(1).map((index, position) => index - (told[position] as number))
    const text = `
      apiVersion: reeve/v1
      domains: { a: { driver: libvirt } }
      metrics: { reads: { source: counter, counter: io.readOps, unit: /s } }`
    const parsed = parsePolicy(text, { file: 'policy.yaml' })
    assert.ok(parsed.ok, JSON.stringify(parsed))
    const staleMs = parsed.policy.metrics[0]?.staleMs as number
    assert.ok(Math.max(...gaps) * lookEveryMs(policy([], []), null) < staleMs, `${gaps} looks, ${staleMs} ms`)
  })
})
