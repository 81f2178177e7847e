import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type ParseOptions, parsePolicy, renderFault } from '#policy/parse.ts'

/**
 * The table in faults.golden: under each title a policy, then its kind and every line that is said of it (less the
 * file's name). Two CPUs, 4 GiB, and two drivers are what there is.
 */
const OPTIONS: ParseOptions = {
  file: 'policy.yaml',
  capacity: { cpu: 2000, memory: 4 * 2 ** 30 },
  knownDrivers: ['cgroup', 'libvirt', 'simulator'],
}

interface Case {
  readonly title: string
  readonly text: string
  readonly expected: string
}

function readCases(table: string): Case[] {
  return table
    .split(/^=== /m)
    .slice(1)
    .map((part) => {
      const [, title, text, expected] = /^(.*?)\n(.*?)^>>> (.*)$/ms.exec(part)!
      return { title: title!, text: text!, expected: expected!.trimEnd() }
    })
}

function said(text: string): string {
  const parsed = parsePolicy(text, OPTIONS)
  const lines = (parsed.ok ? parsed.warnings : parsed.faults).map((fault) => renderFault(fault).replace(/^[^:]*:/, ''))
  return [parsed.ok ? 'warnings' : parsed.kind, ...lines].join('\n')
}

const cases = readCases(readFileSync(new URL('faults.golden', import.meta.url), 'utf8'))

test('the table has malformed and infeasible policies enough', () => {
  const refused = cases.filter(({ expected }) => !expected.startsWith('warnings'))
  assert.ok(refused.length >= 30, `${refused.length} cases`)
  assert.ok(refused.filter(({ expected }) => expected.startsWith('infeasible')).length >= 15)
})

for (const { title, text, expected } of cases) test(title, () => assert.equal(said(text), expected))

test('faults come in the order of their lines', () => {
  for (const { text } of cases) {
    const parsed = parsePolicy(text, OPTIONS)
    const lines = (parsed.ok ? parsed.warnings : parsed.faults).map((fault) => fault.line)
    assert.deepEqual(
      lines,
      lines.toSorted((a, b) => a - b),
    )
  }
})
