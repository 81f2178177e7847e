import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DomainName } from '#core/model/ids.ts'
import type { MetricPolicy } from '#core/model/policy.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { createBoard } from './board.ts'
import { pulled, served, until } from './pull.fixture.ts'

describe('metrics that are looked at', () => {
  it('go on with what they gathered while the policy has them unchanged', async (t) => {
    let asked = 0
    const url = await served(t, (_, response) => {
      asked++
      response.end()
    })
    const window = { quantile: 0.5, windowMs: 60_000, samplesLeast: 5 }
    const { pull, metric, value } = pulled(t, { kind: 'http', url, status: 200, timeoutMs: 10_000, ...window })
    await until(() => value() !== undefined)
    await pull.keepOnly([{ ...metric }])
    pull.start({ ...metric })
    assert.notEqual(value(), undefined)
    // Changed, it begins anew.
    const changed = { ...metric, intervalMs: 25 }
    await pull.keepOnly([changed])
    assert.equal(value(), undefined)
    pull.start(changed)
    await until(() => value() !== undefined)
    await pull.keepOnly([])
    assert.deepEqual([pull.latest(), pull.problems()], [[], []])
    const before = asked
    await sleep(60)
    assert.equal(asked, before)
  })

  it('do not wait for each other, nor does the end of Reeve for them', async (t) => {
    const hanging = await served(t, () => {})
    const { pull, metric, problem } = pulled(t, {
      kind: 'prometheus',
      url: hanging,
      query: 'up',
      domainLabel: null,
      timeoutMs: 60_000,
    })
    const path = join(temporaryDir(t), 'number')
    writeFileSync(path, '4\n')
    pull.start({ ...metric, name: 'file', source: { kind: 'file', path, key: null } })
    await until(() => pull.latest().length === 1)
    assert.equal(pull.latest()[0]?.metric, 'file')
    assert.equal(problem(), null)
    const startedMs = performance.now()
    await pull.close()
    assert.ok(performance.now() - startedMs < 10_000)
  })

  it('forget domains of which nothing was told for long', () => {
    const board = createBoard({ info() {}, warn() {} })
    const metric = { name: 'm', unit: 'ms', intervalMs: 10, staleMs: 50, source: { kind: 'push' } } as MetricPolicy
    const at = (domain: string, takenAtMs: number) => ({ domain: domain as DomainName, takenAtMs, value: 1 })
    board.take(metric, { kind: 'values', values: [at('a', 0), at('b', 0)], problem: null })
    board.take(metric, { kind: 'values', values: [at('b', 900)], problem: null })
    assert.equal(board.readings().length, 2)
    board.take(metric, { kind: 'values', values: [at('b', 1100)], problem: null })
    assert.deepEqual(
      board.readings().map(({ domain }) => domain),
      ['b'],
    )
  })
})
