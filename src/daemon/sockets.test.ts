import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { eventReport, explanation, history, planReport, releaseReport, reloadResult, status } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { childrenOf } from '#drivers/cgroup/groups.ts'
import { findLayout } from '#drivers/cgroup/layout.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { nodeOf, type Running, startFake, turnWhere } from './fake-host.fixture.ts'

const run = promisify(execFile)

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: Record<string, unknown>
}

function call(
  socketPath: string,
  method: string,
  path: string,
  body?: string,
  type = 'application/json',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': type }
    const outgoing = request({ socketPath, method, path, headers, agent: false }, (incoming) => {
      const parts: Buffer[] = []
      incoming.on('data', (part) => parts.push(part))
      incoming.on('end', () => {
        const text = Buffer.concat(parts).toString()
        const { statusCode = 0, headers: answered } = incoming
        resolve({ status: statusCode, type: answered['content-type'] ?? '', body: JSON.parse(text) })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

async function started(t: Parameters<typeof startFake>[0] & Parameters<typeof temporaryDir>[0]): Promise<Running> {
  const running = await startFake(t, { dir: temporaryDir(t) })
  await turnWhere(running.daemon, ({ outcomes }) => outcomes.length > 0)
  return running
}

describe('the control socket', () => {
  it('may be opened by its owner alone, the other by anybody', async (t) => {
    const { daemon } = await started(t)
    assert.equal(statSync(daemon.socketPath).mode & 0o777, 0o600)
    assert.equal(statSync(daemon.metricsSocketPath).mode & 0o777, 0o666)
  })

  it('takes no place of anything but a socket, and none that is too long', async (t) => {
    for (const name of ['control.sock', 'metrics.sock']) {
      const dir = temporaryDir(t)
      mkdirSync(join(dir, 'run'))
      writeFileSync(join(dir, 'run', name), 'precious')
      await assert.rejects(startFake(t, { dir }), new RegExp(`${name}: there is something else, .* --socket`))
      assert.equal(readFileSync(join(dir, 'run', name), 'utf8'), 'precious')
    }
    const dir = temporaryDir(t)
    const socketPath = join(dir, `${'x'.repeat(120)}.sock`)
    await assert.rejects(
      startFake(t, { dir, socketPath }),
      /its path has \d+ bytes, and that of a socket has 107 at most/,
    )
  })

  it('answers as the contract has it', async (t) => {
    const { daemon } = await started(t)
    const get = async (path: string) => (await call(daemon.socketPath, 'GET', path)).body
    const post = async (path: string, body = '{}') => (await call(daemon.socketPath, 'POST', path, body)).body
    assert.equal(status.strict().parse(await get(PATHS.status)).domains.length, 2)
    const last = history.strict().parse(await get(PATHS.history)).turns[0]
    assert.equal(last?.changes.length, 2)
    const told = explanation.strict().parse(await get(`${PATHS.explain}?domain=shop&turn=${last?.turn}`))
    assert.deepEqual([told.domain, told.goals.length, told.changes.length, told.decidedAgain], ['shop', 1, 1, true])
    assert.equal(planReport.strict().parse(await get(PATHS.plan)).kind, 'last-turn')
    assert.equal(reloadResult.parse(await post(PATHS.reload, '{"policy": "?"}')).ok, false)
    assert.deepEqual(await post(PATHS.pause), { paused: true })
    assert.equal(status.parse(await get(PATHS.status)).paused, true)
    assert.deepEqual(await post(PATHS.resume), { paused: false })
    assert.equal(releaseReport.strict().parse(await post(PATHS.release)).settings.length, 2)
  })

  it('lets an event last as long as it was told, or until it is ended', async (t) => {
    const { daemon } = await started(t)
    const post = (seconds: number) =>
      call(daemon.socketPath, 'POST', PATHS.events, `{"event": "sale", "seconds": ${seconds}}`)
    const isOn = (on: boolean) => turnWhere(daemon, ({ observation }) => observation.events.includes('sale') === on)
    const { body } = await post(0.2)
    assert.ok(Math.abs(eventReport.parse(body).endsUtcMs - Date.now()) < 5000)
    const { turn } = await isOn(true)
    assert.ok((await isOn(false)).turn > turn + 1)
    await post(3600)
    await isOn(true)
    await post(0)
    await isOn(false)
  })

  for (const [what, method, path, body, expected, type] of [
    ['a path that is not there', 'GET', '/v1/nothing', undefined, 404, 'urn:reeve:no-such-route'],
    ['an option that is not there', 'GET', `${PATHS.history}?cuont=3`, undefined, 400, 'urn:reeve:bad-request'],
    ['a count that is none', 'GET', `${PATHS.history}?count=-1`, undefined, 400, 'urn:reeve:bad-request'],
    ['a turn that is none', 'GET', `${PATHS.explain}?turn=x`, undefined, 400, 'urn:reeve:bad-request'],
    ['a turn not on record', 'GET', `${PATHS.explain}?turn=999999`, undefined, 404, 'urn:reeve:not-on-record'],
    ['a domain that is not there', 'GET', `${PATHS.explain}?domain=nobody`, undefined, 404, 'urn:reeve:not-on-record'],
    ['a body that is not JSON', 'POST', PATHS.reload, '{', 400, 'urn:reeve:bad-request'],
    ['a body with unknown keys', 'POST', PATHS.reload, '{"polici": ""}', 400, 'urn:reeve:bad-request'],
    ['a body beyond all bounds', 'POST', PATHS.reload, `"${'x'.repeat(3_000_000)}"`, 413, 'urn:reeve:too-large'],
    ['an event without a name', 'POST', PATHS.events, '{"seconds": 1}', 400, 'urn:reeve:bad-request'],
    [
      'an event that no goal waits for',
      'POST',
      PATHS.events,
      '{"event": "sael", "seconds": 1}',
      404,
      'urn:reeve:no-such-event',
    ],
  ] as const) {
    it(`answers ${what} with a problem`, async (t) => {
      const { daemon } = await started(t)
      const answer = await call(daemon.socketPath, method, path, body)
      assert.deepEqual([answer.status, answer.body['type'], answer.body['status']], [expected, type, expected])
      assert.match(answer.type, /^application\/problem\+json/)
      assert.notEqual(answer.body['detail'], '')
    })
  }
})

describe('pushed readings', () => {
  const push = (socketPath: string, body: string, type?: string) => call(socketPath, 'POST', PATHS.metrics, body, type)
  const reading = (value: string) => `{"readings": [{"metric": "latency", "value": ${value}}]}`

  it('reach the next observation, and grow old when they stop', async (t) => {
    const { daemon } = await started(t)
    assert.deepEqual((await push(daemon.socketPath, reading('42'))).body, { accepted: 1 })
    const { observation } = await turnWhere(daemon, (turn) => turn.observation.metrics.length > 0)
    assert.deepEqual(
      observation.metrics.map(({ metric, domain, value }) => [metric, domain, value]),
      [['latency', 'shop', 42]],
    )
    const later = await turnWhere(daemon, (turn) => turn.observation.at.monotonicMs > observation.at.monotonicMs + 50)
    assert.equal(later.observation.metrics[0]?.takenAtMs, observation.metrics[0]?.takenAtMs)
  })

  for (const [what, body, expected] of [
    ['NaN', reading('NaN'), 400],
    ['a text that says NaN', reading('"NaN"'), 400],
    ['a negative time', reading('-5'), 400],
    ['a number beyond all bounds', reading('1e999'), 400],
    ['a number too large to be a reading', reading('1e200'), 400],
    ['no value', '{"readings": [{"metric": "latency"}]}', 400],
    ['an unknown metric', '{"readings": [{"metric": "nothing", "value": 1}]}', 400],
    ['no readings', '{"readings": []}', 400],
    [
      'another domain than the policy says',
      '{"readings": [{"metric": "latency", "domain": "batch", "value": 1}]}',
      400,
    ],
    ['more than a socket takes', reading(`"${'9'.repeat(100_000)}"`), 413],
  ] as const) {
    it(`are refused and counted: ${what}`, async (t) => {
      const { daemon } = await started(t)
      assert.equal((await push(daemon.metricsSocketPath, body)).status, expected)
      const { metrics } = daemon.status()
      assert.deepEqual([metrics.accepted, metrics.refused], [0, 1])
      assert.notEqual(metrics.lastRefusal, null)
      const { observation } = await turnWhere(daemon, () => true)
      assert.deepEqual(observation.metrics, [])
    })
  }

  it('are all that the open socket takes', async (t) => {
    const { daemon } = await started(t)
    assert.equal((await call(daemon.metricsSocketPath, 'GET', PATHS.status)).status, 404)
    assert.equal((await call(daemon.metricsSocketPath, 'POST', PATHS.release, '{}')).status, 404)
  })

  it('are bound to the domain that the process runs in, also where it is root', { skip: whyNoGroups() }, async (t) => {
    const { daemon } = await started(t)
    const inBatch = await pushFromInside(t, 'batch', daemon.metricsSocketPath, ['latency', 'backlog'])
    assert.deepEqual(inBatch, [400, 200], 'latency is of shop; backlog is of whoever pushes')
    const { observation } = await turnWhere(daemon, (turn) => turn.observation.metrics.length > 0)
    assert.deepEqual(
      observation.metrics.map(({ metric, domain }) => [metric, domain]),
      [['backlog', 'batch']],
    )
    assert.deepEqual(await pushFromInside(t, 'shop', daemon.metricsSocketPath, ['latency']), [200])
  })
})

function whyNoGroups(): string | false {
  return process.geteuid?.() === 0 && findLayout('x') !== null ? false : 'making control groups takes root'
}

/** Pushes 1 for each metric from a process in the domain's control group; resolves with the status codes. */
async function pushFromInside(
  t: { after(work: () => void): void },
  domain: string,
  socketPath: string,
  metrics: string[],
): Promise<number[]> {
  const { base } = findLayout('x') as NonNullable<ReturnType<typeof findLayout>>
  const dir = `${base.mount}${nodeOf(domain)}`
  mkdirSync(dir, { recursive: true })
  t.after(() => {
    rmdirSync(dir)
    if (childrenOf(dirname(dir)).length === 0) rmdirSync(dirname(dir))
  })
  const program = `
    const { request } = require('node:http')
    const codes = []
    function next(metrics) {
      if (metrics.length === 0) return console.log(JSON.stringify(codes))
      const body = JSON.stringify({ readings: [{ metric: metrics[0], value: 1 }] })
      const headers = { 'content-type': 'application/json' }
      const options = { socketPath: process.argv[1], path: '${PATHS.metrics}', method: 'POST', headers, agent: false }
      request(options, (answer) => {
        codes.push(answer.statusCode)
        answer.resume().on('end', () => next(metrics.slice(1)))
      }).end(body)
    }
    next(process.argv.slice(2))`
  const shell = `echo $$ > ${dir}/cgroup.procs && exec "$0" "$@"`
  const { stdout } = await run('sh', ['-c', shell, process.execPath, '-e', program, socketPath, ...metrics])
  return JSON.parse(stdout)
}
