import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import type { MetricSourcePolicy, ScrapedPolicy } from '#core/model/policy.ts'
import { createClock } from '#daemon/clock.ts'
import type { Clock } from '#ports.ts'
import { handClock, pulled, served, until } from './pull.fixture.ts'
import { scrapeLook } from './scrape-look.ts'

type Test = Parameters<typeof served>[0]
type Scrape = Extract<MetricSourcePolicy, { readonly kind: 'scrape' }>

const TEXT = { 'content-type': 'text/plain; version=0.0.4' }
const OPEN = { 'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8' }
const VALUE: ScrapedPolicy = { kind: 'value' }
const RATE: ScrapedPolicy = { kind: 'rate' }
const P95: ScrapedPolicy = { kind: 'quantile', quantile: 0.95, samplesLeast: 10 }

/** An exporter whose text is set by hand. */
async function exporter(t: Test, text: string, headers: object = TEXT) {
  const exposed = {
    text,
    respond: (response: ServerResponse) => response.writeHead(200, { ...headers }).end(exposed.text),
  }
  const url = await served(t, (_, response) => void exposed.respond(response))
  const source = (take: ScrapedPolicy, labels: Record<string, string> = {}, sample = 'm'): Scrape => ({
    kind: 'scrape',
    url: `${url}/metrics`,
    sample,
    labels,
    take,
    timeoutMs: 10_000,
  })
  return { url, exposed, source }
}

/** Looks when told to, by a clock that is moved by hand. */
function looked(source: Scrape, clock: Clock = handClock()) {
  const look = scrapeLook(source, 60_000, clock)
  return async () => {
    const found = await look(new AbortController().signal)
    return found.kind === 'values' ? found.values.map(({ value }) => value)[0] : found.kind
  }
}

describe('a scrape', () => {
  it('gives the sample of its name and labels', async (t) => {
    const { source } = await exporter(t, 'm{a="x",b="1"} 3\nm{a="y",b="1"} 4\nother 5\n')
    assert.equal(await looked(source(VALUE, { a: 'y' }))(), 4)
    assert.equal(await looked(source(VALUE, {}, 'other'))(), 5)
    await assert.rejects(looked(source(VALUE, { b: '1' })), /2 samples match, m\{a="x",b="1"\} and/)
    await assert.rejects(looked(source(VALUE, { a: 'z' })), /\/metrics exposes no m\{a="z"\}/)
  })

  it('gives the rate of counters, added up, and none over a reset', async (t) => {
    const { source, exposed } = await exporter(t, 'm{a="x"} 100\nm{a="y"} 50\n')
    const clock = handClock()
    const look = looked(source(RATE), clock)
    const after = async (elapsedMs: number, text: string) => {
      exposed.text = text
      clock.monotonicMs += elapsedMs
      return look()
    }
    assert.equal(await look(), 'waiting')
    assert.equal(await after(2000, 'm{a="x"} 110\nm{a="y"} 80\n'), 20)
    assert.equal(await after(1000, 'm{a="x"} 110\nm{a="y"} 80\n'), 0)
    // One that is new has no increase yet, however much it says that it counted.
    assert.equal(await after(1000, 'm{a="x"} 115\nm{a="y"} 80\nm{a="z"} 9000\n'), 5)
    assert.equal(await after(1000, 'm{a="x"} 2\nm{a="y"} 85\nm{a="z"} 9010\n'), 'waiting')
    assert.equal(await after(1000, 'm{a="x"} 4\nm{a="y"} 85\nm{a="z"} 9010\n'), 2)
    // A gap longer than the age at which readings are stale says little of now.
    assert.equal(await after(61_000, 'm{a="x"} 6000\nm{a="y"} 85\nm{a="z"} 9010\n'), 'waiting')
    assert.equal(await after(1000, 'm{a="x"} 6007\nm{a="y"} 85\nm{a="z"} 9010\n'), 7)
  })

  it('makes no rate of a gauge', async (t) => {
    const { source } = await exporter(t, '# TYPE m gauge\nm 100\n')
    await assert.rejects(looked(source(RATE)), /is a gauge/)
  })

  const histogram = (counts: readonly number[], more = '') =>
    ['0.1', '0.2', '+Inf'].map((le, i) => `m_bucket{le="${le}"${more}} ${counts[i]}\n`).join('')

  it('gives a percentile of what a histogram counted between two scrapes, where that is enough', async (t) => {
    const { source, exposed } = await exporter(t, histogram([1000, 1000, 9000]))
    const look = looked(source(P95))
    assert.equal(await look(), 'waiting')
    exposed.text = histogram([1050, 1100, 9100])
    assert.ok(Math.abs(((await look()) as number) - 0.19) < 1e-9)
    exposed.text = histogram([1059, 1109, 9109])
    assert.equal(await look(), 'waiting')
    exposed.text = histogram([0, 0, 3])
    assert.equal(await look(), 'waiting')
    exposed.text = histogram([20, 20, 23])
    assert.ok(Math.abs(((await look()) as number) - 0.095) < 1e-9)
  })

  it('counts over several scrapes until that is enough, or the first of them is too old', async (t) => {
    const { source, exposed } = await exporter(t, histogram([0, 0, 0]))
    const clock = handClock()
    const look = looked(source(P95), clock)
    const after = async (elapsedMs: number, count: number) => {
      exposed.text = histogram([count, count, count])
      clock.monotonicMs += elapsedMs
      return look()
    }
    const isP95 = (found: unknown) => assert.ok(Math.abs((found as number) - 0.095) < 1e-9, String(found))
    assert.equal(await look(), 'waiting')
    assert.equal(await after(25_000, 4), 'waiting')
    assert.equal(await after(25_000, 8), 'waiting')
    isP95(await after(5000, 12))
    // What was read once is not read again: the window begins anew with each reading.
    assert.equal(await after(30_000, 20), 'waiting')
    assert.equal(await after(30_001, 30), 'waiting')
    assert.equal(await after(1000, 39), 'waiting')
    isP95(await after(1000, 40))
  })

  it('says how many samples there are, and within which time they must come', async (t) => {
    const { source, exposed } = await exporter(t, histogram([0, 0, 0]))
    const look = scrapeLook(source(P95), 60_000, handClock())
    const { signal } = new AbortController()
    const first = 'm is a counter, whose increase shows with the next scrape within 60000 ms'
    assert.deepEqual(await look(signal), { kind: 'waiting', reason: first })
    exposed.text = histogram([4, 4, 4])
    const few = 'm counted 4 of the 10 samples that a percentile takes within 60000 ms'
    assert.deepEqual(await look(signal), { kind: 'waiting', reason: few })
  })

  it('adds up histograms of the same buckets', async (t) => {
    const both = (a: number[], b: number[]) => histogram(a, ',v="a"') + histogram(b, ',v="b"')
    const { source, exposed } = await exporter(t, both([0, 0, 0], [0, 0, 0]))
    const look = looked(source(P95))
    await look()
    exposed.text = both([50, 50, 50], [0, 50, 50])
    assert.ok(Math.abs(((await look()) as number) - 0.19) < 1e-9)
    exposed.text = `${both([60, 60, 60], [0, 50, 60])}m_bucket{le="7",v="a"} 60\n`
    await look()
    exposed.text = `${both([70, 70, 70], [0, 60, 70])}m_bucket{le="7",v="a"} 70\n`
    await assert.rejects(look(), /different buckets/)
  })

  for (const [what, text, reason] of [
    ['without an infinite bucket', 'm_bucket{le="1"} 1\n', /no bucket le="\+Inf"/],
    ['that counts less in a wider bucket', histogram([5, 4, 9]), /less in a wider bucket/],
    ['without bounds', 'm_bucket{a="1"} 1\n', /no bound/],
  ] as const) {
    it(`refuses a histogram ${what}`, async (t) => {
      const { source } = await exporter(t, text)
      await assert.rejects(looked(source(P95)), reason)
    })
  }

  it('is as old as the server says, and old again while that stays', async (t) => {
    const clock = handClock()
    const { source } = await exporter(t, `m 5 ${clock.utcMs - 3000}\n`)
    const look = scrapeLook(source(VALUE), 60_000, clock)
    const { signal } = new AbortController()
    const found = await look(signal)
    assert.ok(found.kind === 'values')
    assert.equal(found.values[0]?.takenAtMs, clock.monotonicMs - 3000)
    assert.equal((await look(signal)).kind, 'unchanged')
  })

  it('makes rates of the times that the server says, also where its clock is ahead', async (t) => {
    const { source, exposed } = await exporter(t, 'm_total 10 1900000000.0\n# EOF\n', OPEN)
    const look = looked(source(RATE, {}, 'm_total'))
    await look()
    exposed.text = 'm_total 50 1900000004.0\n# EOF\n'
    assert.equal(await look(), 10)
    exposed.text = 'm_total 60 1900000003.0\n# EOF\n'
    await assert.rejects(look(), /older than at the scrape before/)
  })

  for (const [what, respond, reason] of [
    ['half a line', (response: ServerResponse) => response.end('m 1\nm{a'), /in the middle of a line/],
    ['HTML', (response: ServerResponse) => response.end('<html>\n'), /exposes no metrics that can be read: line 1/],
    ['NaN', (response: ServerResponse) => response.end('m NaN\n'), /NaN is not a finite/],
    ['status 500', (response: ServerResponse) => response.writeHead(500).end('m 1\n'), /status 500/],
    ['no end', (response: ServerResponse) => response.writeHead(200, OPEN).end('m 1\n'), /not whole/],
    [
      'a body that never ends',
      (response: ServerResponse) => {
        const more = () => response.write(`# ${'x'.repeat(65_536)}\n`, () => response.destroyed || setImmediate(more))
        more()
      },
      /longer than the 1048576 bytes/,
    ],
  ] as const) {
    it(`answered with ${what} gives no reading, and all is well when it is mended`, async (t) => {
      const { source, exposed } = await exporter(t, 'm 3\n')
      const mended = exposed.respond
      exposed.respond = respond as typeof mended
      const { problem, value } = pulled(t, source(VALUE), {}, createClock())
      await until(() => problem() !== null)
      assert.match(problem() ?? '', reason)
      assert.equal(value(), undefined)
      exposed.respond = mended
      await until(() => value() === 3 && problem() === null, problem)
    })
  }
})
