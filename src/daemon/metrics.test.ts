import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { renderStatus } from '#cli/render/status.ts'
import type { MetricPolicy } from '#core/model/policy.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { handClock } from '#monitors/pull.fixture.ts'
import { parsePolicy } from '#policy/parse.ts'
import { createClock } from './clock.ts'
import { decideForShow } from './dry-run.ts'
import { FakeHost, startFake, TWO_DOMAINS, turnWhere } from './fake-host.fixture.ts'
import { createMetrics } from './metrics.ts'

describe('metrics at which the daemon looks', () => {
  it('that cannot be read are told of once, shown while that lasts, and read when they can be', async (t) => {
    const dir = temporaryDir(t)
    const path = join(dir, 'p95')
    const said: string[] = []
    const say = (message: string) => void said.push(message)
    const metric = `p95: { source: file, path: ${path}, unit: ms }`
    const { daemon } = await startFake(t, {
      dir,
      policyText: TWO_DOMAINS.replace('metrics:', `metrics:\n  ${metric}`),
      log: { info: say, warn: say, error: say },
    })
    await turnWhere(daemon, ({ turn }) => turn > 3)
    const [problem, ...others] = daemon.status().metrics.problems
    assert.deepEqual([problem?.metric, others], ['p95', []])
    assert.match(problem?.reason ?? '', /^cannot read .*p95: ENOENT/)
    assert.match(renderStatus(daemon.status()), /Metric p95: cannot read .*ENOENT/)
    const told = said.filter((line) => line.startsWith('metric p95: cannot read'))
    assert.equal(told.length, 1)
    writeFileSync(path, '12\n')
    const { observation } = await turnWhere(daemon, (turn) => turn.observation.metrics.length > 0)
    assert.equal(observation.metrics[0]?.value, 12)
    assert.deepEqual(daemon.status().metrics.problems, [])
  })

  it('are left alone by a dry run where looking would start something or take something away', async (t) => {
    const dir = temporaryDir(t)
    const touched = join(dir, 'touched')
    const parsed = parsePolicy(
      TWO_DOMAINS.replace(
        'metrics:',
        `metrics:
  a: { source: command, command: [touch, ${touched}], user: ${userInfo().username}, unit: ms }`,
      ),
      { file: 'policy' },
    )
    assert.ok(parsed.ok)
    const report = await decideForShow(parsed.policy, [new FakeHost(createClock())], createClock())
    assert.equal(report.kind, 'dry-run')
    assert.equal(existsSync(touched), false)
  })

  it('are looked at no more after the end, whatever was under way then', async (t) => {
    let asked = 0
    const server = createServer((_, answer) => {
      asked++
      answer.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const metric = `up: { source: http, url: "${url}", unit: ms, interval: 50ms, window: 1s, minimumSamples: 1 }`
    const { daemon, host } = await startFake(t, { dir: temporaryDir(t) })
    const prepare = host.prepare.bind(host)
    host.prepare = (policy) => pause(300).then(() => prepare(policy))
    const reloading = daemon.reload(TWO_DOMAINS.replace('metrics:', `metrics:\n  ${metric}`))
    await daemon.stop()
    assert.equal((await reloading).ok, true)
    const before = asked
    await pause(300)
    assert.equal(asked, before)
  })

  it('hold up neither a turn nor the end, whatever hangs', async (t) => {
    const server = createServer(() => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const metric = `up: { source: prometheus, url: "${url}", query: up, unit: ms, timeout: 5m }`
    const policyText = TWO_DOMAINS.replace('metrics:', `metrics:\n  ${metric}`)
    const { daemon } = await startFake(t, { dir: temporaryDir(t), policyText })
    const first = await turnWhere(daemon, ({ turn }) => turn > 1)
    await turnWhere(daemon, ({ turn }) => turn > first.turn + 5)
    const startedMs = performance.now()
    await daemon.stop()
    assert.ok(performance.now() - startedMs < 10_000)
  })
})

describe('metrics that are pushed', () => {
  it('are shown where they may be stuck, and count all the same', async (t) => {
    const clock = handClock()
    const metrics = createMetrics(clock, [], { info() {}, warn() {} })
    t.after(() => metrics.close())
    const source = { kind: 'push', domain: null } as const
    const p95: MetricPolicy = { name: 'p95', unit: 'ms', intervalMs: 1000, staleMs: 5000, source }
    await metrics.follow({ metrics: [p95] })
    for (let second = 0; second <= 300; second++) {
      assert.deepEqual(metrics.problems(), [])
      metrics.push.push([{ metric: 'p95', value: 900 }], { kind: 'operator' })
      clock.monotonicMs += 1000
    }
    assert.match(metrics.problems()[0]?.reason ?? '', /^its last 301 readings, over 5 min, were all 900: /)
    assert.equal(metrics.latest()[0]?.value, 900)
    metrics.push.push([{ metric: 'p95', value: 901 }], { kind: 'operator' })
    assert.deepEqual(metrics.problems(), [])
  })
})
