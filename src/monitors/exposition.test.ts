import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Format, MalformedExposition, parseExposition } from './exposition.ts'

const samplesOf = (text: string, format: Format = 'prometheus', name = 'm') =>
  parseExposition(text, format, name).samples.map(({ labels, value, utcMs }) => [
    Object.fromEntries(labels),
    value,
    utcMs,
  ])

describe('the text format of Prometheus', () => {
  it('is read as its documentation shows it', () => {
    const text = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
`
    assert.deepEqual(samplesOf(text, 'prometheus', 'http_requests_total'), [
      [{ method: 'post', code: '200' }, 1027, 1395066363000],
      [{ method: 'post', code: '400' }, 3, 1395066363000],
    ])
    const path = { path: 'C:\\DIR\\FILE.TXT', error: 'Cannot find file:\n"FILE.TXT"' }
    assert.deepEqual(samplesOf(text, 'prometheus', 'msdos_file_access_time_seconds'), [[path, 1458255915, null]])
    assert.deepEqual(samplesOf(text, 'prometheus', 'something_weird')[0]?.slice(1), [
      Number.POSITIVE_INFINITY,
      -3982045,
    ])
    assert.equal(parseExposition(text, 'prometheus', 'm').types.get('http_request_duration_seconds'), 'histogram')
  })

  for (const [what, line, expected] of [
    ['blanks and tabs anywhere', ' \tm \t{ a = "b" , } \t 1 \t 2 ', [{ a: 'b' }, 1, 2]],
    ['no labels in braces', 'm{} 1', [{}, 1, null]],
    ['no blank after braces', 'm{a="}"}1', [{ a: '}' }, 1, null]],
    ['NaN, which is well written', 'm NaN', [{}, Number.NaN, null]],
    ['a comment and nothing else of note', '# m 3\nm 1', [{}, 1, null]],
  ] as const) {
    it(`may have ${what}`, () => assert.deepEqual(samplesOf(`${line}\n`), [expected]))
  }

  for (const [what, text] of [
    ['half a line at the end', 'm 1\nm{a="b"} 12'],
    ['half a sample', 'm\n'],
    ['half a label', 'm{a="b\n'],
    ['a value that is no number', 'm twelve\n'],
    ['a hexadecimal value', 'm 0x10\n'],
    ['a time with a fraction', 'm 1 1.5\n'],
    ['a word too many', 'm 1 2 3\n'],
    ['an exemplar', 'm 1 # {a="b"} 1\n'],
    ['an unknown escape', 'm{a="\\t"} 1\n'],
    ['a label without quotes', 'm{a=b} 1\n'],
    ['a label twice', 'm{a="b",a="c"} 1\n'],
    ['labels without a comma', 'm{a="b" c="d"} 1\n'],
    ['a name that begins with a digit', '2m 1\n'],
    ['a name and value in one', 'm+1\n'],
    ['a sample twice', 'm{a="b",c="d"} 1\nm{c="d",a="b"} 2\n'],
    ['an unknown type', '# TYPE m speedometer\nm 1\n'],
    ['two types', '# TYPE m gauge\n# TYPE m counter\nm 1\n'],
    ['a carriage return', 'm 1\r\n'],
    ['HTML', '<!doctype html>\n<p>m 1</p>\n'],
    ['JSON', '{"m": 1}\n'],
  ] as const) {
    it(`does not have ${what}`, () => assert.throws(() => samplesOf(text), MalformedExposition))
  }

  it('is refused whole for one bad line, wherever, and the line is named', () => {
    assert.throws(() => samplesOf('m 1\nother{ 2\n'), /line 2, "other\{ 2"/)
  })
})

describe('the text format OpenMetrics', () => {
  it('has seconds, exemplars and an end', () => {
    const text = `# TYPE m counter
# UNIT m seconds
# HELP m Some \\"help\\".
m_total{path="/"} 17.0 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67 1520879606.1
m_total{path="/b"} 4 # {} 0.5
m_created{path="/"} 1520430000.123
# EOF
`
    assert.deepEqual(samplesOf(text, 'openmetrics', 'm_total'), [
      [{ path: '/' }, 17, 1520879607789],
      [{ path: '/b' }, 4, null],
    ])
  })

  for (const [what, text] of [
    ['no end', 'm 1\n'],
    ['more after its end', 'm 1\n# EOF\nm 2\n'],
    ['an end that is cut off', 'm 1\n# EO'],
    ['an empty line', 'm 1\n\n# EOF\n'],
    ['other comments', '# a comment\nm 1\n# EOF\n'],
    ['two blanks', 'm  1\n# EOF\n'],
    ['the type untyped', '# TYPE m untyped\nm 1\n# EOF\n'],
  ] as const) {
    it(`does not have ${what}`, () => assert.throws(() => samplesOf(text, 'openmetrics'), MalformedExposition))
  }
})

it('whatever the text, there are samples or a fault, soon', () => {
  const parts = fc.constantFrom(
    'm',
    '{',
    '}',
    'a="b"',
    ',',
    ' ',
    '"',
    '\\',
    '\n',
    '# TYPE m gauge',
    '# EOF',
    '1',
    'NaN',
  )
  const text = fc.oneof(
    fc.string({ maxLength: 100 }),
    fc.array(parts, { maxLength: 30 }).map((all) => all.join('')),
  )
  fc.assert(
    fc.property(text, fc.constantFrom<Format>('prometheus', 'openmetrics'), (written, format) => {
      try {
        for (const { value } of parseExposition(written, format, 'm').samples) assert.equal(typeof value, 'number')
      } catch (error) {
        assert.ok(error instanceof MalformedExposition, String(error))
      }
    }),
    { numRuns: 500 },
  )
  const long = `m{a="${'\\\\'.repeat(200_000)}`
  const startedMs = performance.now()
  assert.throws(() => samplesOf(`${long}\n`), MalformedExposition)
  assert.ok(performance.now() - startedMs < 5000)
})
