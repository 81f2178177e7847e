import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MetricSourcePolicy } from '#core/model/policy.ts'
import { pulled, served, until } from './pull.fixture.ts'

type Test = Parameters<typeof served>[0]
type Http = Extract<MetricSourcePolicy, { readonly kind: 'http' }>

const WINDOW = { quantile: 0.95, windowMs: 60_000, samplesLeast: 3 }

async function probed(t: Test, respond: (response: ServerResponse) => void, its: Partial<Http> = {}) {
  const page = { respond, asked: 0 }
  const url = await served(t, (_, response) => {
    page.asked++
    page.respond(response)
  })
  return { url, page, ...pulled(t, { kind: 'http', url, status: 200, timeoutMs: 5000, ...WINDOW, ...its }) }
}

describe('a probe', { concurrency: 4 }, () => {
  it('measures how long the whole answer takes', async (t) => {
    const { value, problem } = await probed(t, async (response) => {
      response.write('half')
      await sleep(40)
      response.end('whole')
    })
    await until(() => value() !== undefined)
    assert.ok((value() as number) >= 39 && (value() as number) < 5000, `${value()}`)
    assert.equal(problem(), null)
  })

  it('gives no reading before there are enough, and says so', async (t) => {
    const { value, problem, page, told } = await probed(t, (response) => void response.end(), { samplesLeast: 10_000 })
    await until(() => page.asked > 3)
    assert.equal(value(), undefined)
    assert.match(problem() ?? '', /^\d+ of the 10000 samples that a percentile takes have come in 60000 ms$/)
    assert.deepEqual(told, [], 'it is no failure')
  })

  it('is of its window only', async (t) => {
    const { value, page } = await probed(t, async (response) => void setTimeout(() => response.end(), 300), {
      windowMs: 1000,
      samplesLeast: 1,
    })
    await until(() => (value() ?? 0) >= 299)
    page.respond = (response) => response.end()
    await until(() => (value() ?? 300) < 290, value)
  })

  for (const [what, respond, reason] of [
    ['another status', (response: ServerResponse) => response.writeHead(500).end('sorry'), /status 500, where 200/],
    ['a connection that is cut', (response: ServerResponse) => response.destroy(), /cannot GET http:/],
    ['a server that hangs', () => {}, /no answer within 250 ms/],
    ['half an answer', (response: ServerResponse) => void response.write('half'), /no answer within 250 ms/],
    [
      'an answer without end',
      (response: ServerResponse) => {
        const more = () => response.write('x'.repeat(65_536), () => response.destroyed || setImmediate(more))
        more()
      },
      /longer than the 1048576 bytes/,
    ],
    [
      'another host',
      (response: ServerResponse) => response.writeHead(302, { location: 'http://127.0.0.2:1/' }).end(),
      /redirects to http:\/\/127\.0\.0\.2:1/,
    ],
  ] as const) {
    it(`that meets ${what} counts as the timeout, however quick that was`, async (t) => {
      // Only what hangs needs to be waited for.
      const timeoutMs = reason.source.startsWith('no answer') ? 250 : 5000
      const its = { timeoutMs, windowMs: 2000, samplesLeast: 1 }
      const { value, problem, page } = await probed(t, respond as () => void, its)
      await until(() => value() === timeoutMs, problem)
      assert.match(problem() ?? '', reason)
      assert.ok(problem()?.endsWith(`; the probe counts as ${timeoutMs} ms`), problem() ?? '')
      page.respond = (response) => response.end('well')
      await until(() => problem() === null, problem)
    })
  }

  it('may expect another status, even one that leads elsewhere', async (t) => {
    const elsewhere = (response: ServerResponse) =>
      void response.writeHead(301, { location: 'http://127.0.0.2:1/' }).end()
    const { value, problem } = await probed(t, elsewhere, { status: 301 })
    await until(() => value() !== undefined, problem)
    assert.ok((value() as number) < 5000)
    assert.equal(problem(), null)
  })
})
