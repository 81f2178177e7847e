import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePolicy, renderFault } from '#policy/parse.ts'

/** Whatever the text, parsing ends in a policy or in faults with places, and it never throws. */

const EXAMPLES = new URL('../../docs/examples/', import.meta.url)
const texts = readdirSync(EXAMPLES).map((file) => readFileSync(new URL(file, EXAMPLES), 'utf8'))

function parsesOrSaysWhy(text: string): void {
  const parsed = parsePolicy(text, { file: 'policy.yaml', capacity: { cpu: 2000 } })
  const faults = parsed.ok ? parsed.warnings : parsed.faults
  if (!parsed.ok) assert.ok(faults.length > 0)
  const lines = text.split('\n').length
  for (const fault of faults) {
    assert.ok(fault.line >= 1 && fault.line <= lines && fault.column >= 1, JSON.stringify(fault))
    assert.ok(!renderFault(fault).includes('\n'), renderFault(fault))
  }
}

/** Words that are likely to hurt where another was expected. */
const WORDS = fc.constantFrom(
  ...['null', '~', '[]', '{}', '-1', '1e999', '.nan', '0x7fffffff', 'true', '""', '&a x', '*a', '!!binary x', '<<'],
  ...[
    '__proto__',
    'constructor',
    'web-*',
    '[',
    '{',
    '}',
    ': ',
    '- ',
    '\t',
    '#',
    '---',
    '? ',
    '%',
    '5%',
    '\u0000',
    '\u2028',
  ],
  ...['shop', 'batch', 'cpu', 'memory@node0', 'io.read:8:0', 'parent: shop', 'default', 'fixed', '9'.repeat(400)],
)

const mutated = fc
  .tuple(
    fc.constantFrom(...texts),
    fc.array(fc.record({ at: fc.nat(2000), cut: fc.nat(12), put: fc.oneof(WORDS, fc.string({ maxLength: 8 })) }), {
      minLength: 1,
      maxLength: 6,
    }),
  )
  .map(([text, edits]) =>
    edits.reduce((now, { at, cut, put }) => {
      const from = at % (now.length + 1)
      return now.slice(0, from) + put + now.slice(from + cut)
    }, text),
  )

/** Replaces whole words, so that most texts stay YAML and reach the later checks. */
const swapped = fc
  .tuple(fc.constantFrom(...texts), fc.array(fc.tuple(fc.nat(400), WORDS), { minLength: 1, maxLength: 4 }))
  .map(([text, edits]) => {
    const parts = text.split(/([A-Za-z0-9.%*-]+)/)
    const words = Math.floor(parts.length / 2)
    for (const [at, word] of edits) parts[2 * (at % words) + 1] = word
    return parts.join('')
  })

test('no text makes it throw', () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), parsesOrSaysWhy), { numRuns: 200 })
  fc.assert(fc.property(mutated, parsesOrSaysWhy), { numRuns: 150 })
  fc.assert(fc.property(swapped, parsesOrSaysWhy), { numRuns: 150 })
})

const DEEP = 20_000
const HOSTILE: [title: string, text: string][] = [
  ['brackets without end', '['.repeat(DEEP)],
  ['maps without end', '{a: '.repeat(DEEP)],
  ['a ladder of indentation', Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ['a key of the prototype', 'apiVersion: reeve/v1\n__proto__: {}\ndomains: { __proto__: {}, toString: {} }\n'],
  ['a resource of the prototype', 'apiVersion: reeve/v1\nresources: { constructor: { capacity: 1 } }\n'],
  [
    'many faults',
    `apiVersion: reeve/v1\ndomains:\n${Array.from({ length: 500 }, (_, n) => `  d${n}: { x: 1 }`).join('\n')}`,
  ],
]

for (const [title, text] of HOSTILE)
  test(`${title} is refused`, () => {
    parsesOrSaysWhy(text)
    assert.equal(parsePolicy(text, { file: 'policy.yaml' }).ok, false)
  })
