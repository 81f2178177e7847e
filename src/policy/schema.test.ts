import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { policyJsonSchema } from './schema.ts'

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly required?: readonly string[]
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly description?: string
}

/** As much of JSON Schema as editors need to underline a key or a word: the paths at which `value` does not fit. */
function misfits(schema: JsonSchema, value: unknown, path = ''): string[] {
  const branches = schema.anyOf ?? schema.oneOf
  if (branches) {
    const each = branches.map((branch) => misfits(branch, value, path))
    return each.some((found) => found.length === 0) ? [] : each.toSorted((a, b) => a.length - b.length)[0]!
  }
  if (Array.isArray(value)) {
    if (schema.type !== 'array') return [path]
    return value.flatMap((item, index) => misfits(schema.items!, item, `${path}[${index}]`))
  }
  if (typeof value === 'object' && value !== null) {
    if (schema.type !== 'object') return [path]
    const missing = (schema.required ?? []).filter((key) => !(key in value)).map((key) => `${path}.${key}`)
    const inside = Object.entries(value).flatMap(([key, one]) => {
      const [, part] =
        Object.entries(schema.patternProperties ?? {}).find(([its]) => new RegExp(its, 'u').test(key)) ?? []
      const its = schema.properties?.[key] ?? part ?? schema.additionalProperties
      if (its === false) return [`${path}.${key}`]
      return typeof its === 'object' ? misfits(its, one, `${path}.${key}`) : []
    })
    return [...missing, ...inside]
  }
  const type = value === null ? 'null' : typeof value
  if (schema.const !== undefined && schema.const !== value) return [path]
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [path]
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(String(value))) return [path]
  const fits =
    schema.type === undefined || schema.type === type || (schema.type === 'integer' && Number.isInteger(value))
  return fits ? [] : [path]
}

const schema = policyJsonSchema() as JsonSchema
const EXAMPLES = new URL('../../docs/examples/', import.meta.url)

for (const file of readdirSync(EXAMPLES))
  test(`the JSON Schema accepts docs/examples/${file}`, () => {
    assert.deepEqual(misfits(schema, parse(readFileSync(new URL(file, EXAMPLES), 'utf8'))), [])
  })

const DOCUMENTED = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
for (const [, example = ''] of DOCUMENTED.matchAll(/^```yaml\n(.*?)^```$/gms)) {
  test(`the JSON Schema accepts what docs/policy.md shows: ${example.split('\n').slice(0, 2).join(' ')}`, () => {
    assert.deepEqual(misfits(schema, { apiVersion: 'reeve/v1', ...parse(example) }), [])
  })
}

const REFUSED: [policy: string, at: string][] = [
  ['host: {}', '.apiVersion'],
  ['apiVersion: reeve/v1\nhosts: {}', '.hosts'],
  ['apiVersion: reeve/v1\nhost: { intervall: 1s }', '.host.intervall'],
  ['apiVersion: reeve/v1\nhost: { interval: soon }', '.host.interval'],
  ['apiVersion: reeve/v1\ndomains: { shop: { role: off } }', '.domains.shop.role'],
  ['apiVersion: reeve/v1\ndomains: { shop: { cpu: { limit: 1GiB } } }', '.domains.shop.cpu.limit'],
  ['apiVersion: reeve/v1\ndomains: { shop: { memory@node0: { limit: 1m } } }', '.domains.shop.memory@node0.limit'],
]
for (const [policy, at] of REFUSED)
  test(`the JSON Schema refuses ${at}`, () => assert.deepEqual(misfits(schema, parse(policy)), [at]))

test('every key that a policy may have is described', () => {
  const undescribed: string[] = []
  const visit = (its: JsonSchema, path: string): void => {
    for (const [key, inside] of Object.entries(its.properties ?? {})) {
      // Amounts per resource are described by the map that they stand in.
      const perResource = /\.(headroom|minimum|thresholds|maximumStep|minimumChange|amounts|upTo)$/.test(path)
      if (inside.description === undefined && !perResource) undescribed.push(`${path}.${key}`)
      visit(inside, `${path}.${key}`)
    }
    if (typeof its.additionalProperties === 'object') visit(its.additionalProperties, `${path}.*`)
    for (const one of [its.items, ...(its.anyOf ?? []), ...(its.oneOf ?? [])]) if (one) visit(one, path)
  }
  visit(schema, '')
  assert.deepEqual(undescribed, [])
})
