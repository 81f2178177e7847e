import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { renderSolve, type SolveOutput, solveText } from './solve.ts'

interface Case {
  readonly kind: string
  readonly problem: { readonly capacity: number }
  readonly allocations: Record<string, number>
  readonly unallocated: number
}
const readCases = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../test/cases/${name}`, import.meta.url), 'utf8'))

function solve(problem: unknown): SolveOutput {
  const solved = solveText(JSON.stringify(problem))
  assert.ok(solved.ok, solved.ok ? '' : solved.message)
  return solved.output
}

function assertNear(actual: number | undefined, expected: number, what: string): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= 1e-6, `${what}: ${actual} is not ${expected}`)
}

test('the worked cases come out to 1e-6, in input order', () => {
  const { cases } = readCases('solve.json') as { cases: Case[] }
  for (const [i, { kind, problem, allocations, unallocated }] of cases.entries()) {
    const output = solve(problem)
    assert.deepEqual([...output.allocations.keys()], Object.keys(allocations))
    for (const [id, expected] of Object.entries(allocations)) {
      assertNear(output.allocations.get(id), expected, `case ${i} (${kind}), ${id}`)
    }
    assertNear(output.unallocated, unallocated, `case ${i} (${kind}), unallocated`)
  }
})

test('the tables of the reference documents come out, class by class', () => {
  for (const { name, afterPriority, allocations, ...problem } of readCases('arbitration.json').cases) {
    const { afterMinimum: _minimum, unallocated: _unallocated, ...rest } = problem
    assert.deepEqual([...solve(rest).allocations.values()], allocations, name)
    for (const [priority, expected] of Object.entries(afterPriority)) {
      const domains = rest.domains.map((domain: { id: string; requests: number[] }) => ({
        ...domain,
        requests: domain.requests.slice(0, Number(priority)),
      }))
      assert.deepEqual([...solve({ ...rest, domains }).allocations.values()], expected, `${name}, class ${priority}`)
    }
  }
})
