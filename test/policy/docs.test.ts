import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type ParseOptions, parsePolicy, renderFault } from '#policy/parse.ts'

const DOCS = new URL('../../docs/', import.meta.url)
const OPTIONS: ParseOptions = {
  file: 'policy.yaml',
  capacity: { cpu: 4000, memory: 16 * 2 ** 30 },
  knownDrivers: ['cgroup', 'simulator', 'libvirt'],
}

/** An example as it stands on the page; those without the first line get it. */
function whole(example: string): string {
  return example.startsWith('apiVersion') ? example : `apiVersion: reeve/v1\n${example}`
}

/** Everything that is said of a policy, warnings included. */
function said(text: string): { outcome: string; lines: string[] } {
  const parsed = parsePolicy(text, OPTIONS)
  return parsed.ok
    ? { outcome: 'ok', lines: parsed.warnings.map(renderFault) }
    : { outcome: parsed.kind, lines: parsed.faults.map(renderFault) }
}

const pageOf = (file: string): string => readFileSync(new URL(file, DOCS), 'utf8')

for (const file of ['policy.md', 'libvirt.md'])
  for (const [index, match] of [...pageOf(file).matchAll(/^```yaml\n(.*?)^```$/gms)].entries())
    test(`example ${index + 1} of docs/${file} is a policy without faults or warnings`, () => {
      assert.deepEqual(said(whole(match[1]!)), { outcome: 'ok', lines: [] })
    })

test('docs/policy.md shows what is really said of a policy with faults', () => {
  const [, kind, example, output] = /^```yaml (\w+)\n(.*?)^```\n\n```text\n(.*?)^```$/ms.exec(pageOf('policy.md'))!
  assert.deepEqual(said(whole(example!)), { outcome: kind!, lines: output!.trimEnd().split('\n') })
})

for (const file of readdirSync(new URL('examples/', DOCS)).filter((name) => name.endsWith('.yaml')))
  test(`docs/examples/${file} is a policy without faults or warnings`, () => {
    const text = readFileSync(new URL(`examples/${file}`, DOCS), 'utf8')
    assert.deepEqual(said(text), { outcome: 'ok', lines: [] })
  })
