import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { handClock, pulled, served, until } from './pull.fixture.ts'

type Test = Parameters<typeof served>[0]
type Answering = (response: ServerResponse) => void

/** A server that answers as told, and what it was asked. */
async function prometheus(t: Test, first: Answering, domainLabel: string | null = null, timeoutMs = 10_000) {
  const asked: string[] = []
  const answers = { now: first }
  const url = await served(t, (request, response) => {
    asked.push(request.url ?? '')
    answers.now(response)
  })
  const source = { kind: 'prometheus', url: `${url}/prom/`, query: 'a + b', domainLabel, timeoutMs } as const
  return { url, asked, answers, ...pulled(t, source) }
}

let seconds = 1_700_000_000
/** Evaluated at another instant each time, as it is. */
const sample = (value: unknown, metric: object = {}) => ({ metric, value: [++seconds, value] })
const json =
  (body: unknown, status = 200): Answering =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
const vector =
  (make: () => unknown[]): Answering =>
  (response) =>
    json({ status: 'success', data: { resultType: 'vector', result: make() } })(response)
const scalar =
  (value: string): Answering =>
  (response) =>
    json({ status: 'success', data: { resultType: 'scalar', result: [++seconds, value] } })(response)

describe('a query to Prometheus', { concurrency: 4 }, () => {
  it('gives its scalar', async (t) => {
    const { value, asked } = await prometheus(t, scalar('12.5'))
    await until(() => value() === 12.5)
    const url = new URL(asked[0] as string, 'http://host')
    assert.equal(url.pathname, '/prom/api/v1/query')
    assert.equal(url.searchParams.get('query'), 'a + b')
  })

  it('gives its one sample, and goes on asking', async (t) => {
    let n = 0
    const { value } = await prometheus(
      t,
      vector(() => [sample(String(++n), { job: 'shop' })]),
    )
    await until(() => (value() ?? 0) > 2)
  })

  it('gives a sample of each domain by a label, and those that are believed in any case', async (t) => {
    const domains = () => [sample('1', { vm: 'shop' }), sample('NaN', { vm: 'idle' }), sample('3', { vm: 'api' })]
    const { pull, problem, answers } = await prometheus(t, vector(domains), 'vm')
    await until(() => pull.latest().length === 2)
    assert.deepEqual(
      pull.latest().map(({ domain, value }) => [domain, value]),
      [
        ['shop', 1],
        ['api', 3],
      ],
    )
    assert.match(problem() ?? '', /NaN.*domain idle/)
    answers.now = vector(() => [sample('5', { vm: 'shop' })])
    await until(() => pull.latest().some(({ value }) => value === 5) && problem() === null, problem)
  })

  for (const [what, answer, reason] of [
    ['no result', vector(() => []), /has no result/],
    ['two results', vector(() => [sample('1'), sample('2')]), /2 results and not one/],
    ['NaN', vector(() => [sample('NaN')]), /"NaN" is not a number/],
    ['infinity', scalar('+Inf'), /"\+Inf" is not a number/],
    ['a negative time', scalar('-3'), /negative/],
    ['a matrix', json({ status: 'success', data: { resultType: 'matrix', result: [] } }), /gives a matrix/],
    ['an error', json({ status: 'error', errorType: 'bad_data', error: 'parse error at 3' }, 400), /parse error at 3/],
    ['JSON of another kind', json({ value: 3 }), /does not answer as the API of Prometheus/],
    ['a number where text is due', vector(() => [{ metric: {}, value: [1, 2] }]), /does not answer as the API/],
    ['HTML', (response: ServerResponse) => response.end('<html>'), /does not answer as the API/],
    ['half its answer', (response: ServerResponse) => response.end('{"status": "succ'), /does not answer as the API/],
    ['what is not UTF-8', (response: ServerResponse) => response.end(Buffer.from([0x22, 0xff, 0x22])), /not UTF-8/],
    ['status 500', (response: ServerResponse) => response.writeHead(500).end('{}'), /status 500/],
    ['no answer', (response: ServerResponse) => response.destroy(), /cannot GET/],
    ['a body without end', (response: ServerResponse) => response.end(`"${'x'.repeat(600_000)}"`), /longer than/],
  ] as const) {
    it(`that is answered with ${what} gives no reading, and all is well when it is mended`, async (t) => {
      const { url, answers, value, problem, told } = await prometheus(t, answer)
      await until(() => problem() !== null)
      assert.match(problem() ?? '', reason)
      if (what !== 'NaN' && what !== 'infinity' && what !== 'a negative time') {
        assert.ok(problem()?.includes(`${url}/prom/api/v1/query`) && !problem()?.includes('a%20'), problem() ?? '')
      }
      assert.equal(value(), undefined)
      answers.now = scalar('4')
      await until(() => value() === 4)
      assert.equal(told.length, 2, told.join('\n'))
      assert.equal(problem(), null)
    })
  }

  for (const [what, rows, reason] of [
    ['no such label', () => [sample('1', { job: 'x' })], /names no domain by the label vm/],
    ['two of one domain', () => [sample('1', { vm: 'a' }), sample('2', { vm: 'a' })], /two results of domain a/],
  ] as const) {
    it(`by domain with ${what} gives no reading`, async (t) => {
      const { pull, problem } = await prometheus(t, vector(rows), 'vm')
      await until(() => reason.test(problem() ?? ''), problem)
      assert.deepEqual(pull.latest(), [])
    })
  }

  it('whose answer is the one of before, from a cache, grows old', async (t) => {
    const same = json({ status: 'success', data: { resultType: 'scalar', result: [1_600_000_000.5, '7'] } })
    const { value, reading, asked } = await prometheus(t, same)
    await until(() => value() === 7)
    const takenAtMs = reading()?.takenAtMs
    const before = asked.length
    await until(() => asked.length > before + 2)
    assert.equal(reading()?.takenAtMs, takenAtMs)
  })

  it('that hangs ends with its timeout, and one at a time', async (t) => {
    let open = 0
    let most = 0
    const { problem, asked } = await prometheus(
      t,
      (response) => {
        most = Math.max(most, ++open)
        response.on('close', () => open--)
      },
      null,
      60,
    )
    await until(() => problem()?.includes('no answer within 60 ms') === true, problem)
    await until(() => asked.length >= 3)
    assert.ok(most <= 2, `${most} at once`)
  })

  it('whose body hangs ends with its timeout too', async (t) => {
    const { problem } = await prometheus(t, (response) => void response.write('{"status":'), null, 60)
    await until(() => problem()?.includes('no answer within 60 ms') === true, problem)
  })

  it('follows its own host elsewhere, and no other', async (t) => {
    let wasAsked = false
    const other = await served(t, (_, response) => {
      wasAsked = true
      scalar('66')(response)
    })
    const to = (location: string) => (response: ServerResponse) => void response.writeHead(302, { location }).end()
    const { problem, value, answers, asked } = await prometheus(t, to(`${other}/api/v1/query`))
    await until(() => problem()?.includes(`redirects to ${other}`) === true, problem)
    answers.now = (response) => (asked.at(-1)?.startsWith('/moved') ? scalar('5')(response) : to('/moved')(response))
    await until(() => value() === 5, problem)
    answers.now = to('/round')
    await until(() => problem()?.includes('more than 3 times') === true, problem)
    assert.equal(wasAsked, false)
  })

  it('to a port where nobody listens is said by its address, and nothing of its query', async (t) => {
    const source = { kind: 'prometheus', url: 'http://127.0.0.1:9', query: 'secret', domainLabel: null } as const
    const { problem, told } = pulled(t, { ...source, timeoutMs: 5000 }, {}, handClock())
    await until(() => problem() !== null)
    assert.match(problem() ?? '', /cannot GET http:\/\/127\.0\.0\.1:9\/api\/v1\/query: .*(ECONNREFUSED|bad port)/)
    await sleep(20)
    assert.equal(told.length, 1)
    assert.ok(!told.join().includes('secret'))
  })
})
