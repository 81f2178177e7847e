import assert from 'node:assert/strict'
import { test } from 'node:test'
import { globMatches, isGlob } from './glob.ts'

const CASES: [glob: string, name: string, matches: boolean][] = [
  ['web-*', 'web-1', true],
  ['web-*', 'web-', true],
  ['web-*', 'webs-1', false],
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['*-db', 'shop-db-db', true],
  ['*a*b', 'xaxxbxb', true],
  ['*a*b', 'xaxxbx', false],
  ['node[0-3]', 'node2', true],
  ['node[0-3]', 'node4', false],
  ['node[!0-3]', 'node4', true],
  ['node[ab-]', 'node-', true],
  ['a[]]b', 'a]b', true],
  ['a[b', 'a[b', true],
  ['a.c', 'abc', false],
]

for (const [glob, name, matches] of CASES)
  test(`${JSON.stringify(glob)} ${matches ? 'matches' : 'does not match'} ${JSON.stringify(name)}`, () => {
    assert.equal(globMatches(glob, name), matches)
  })

test('only names with wildcards are globs', () => {
  assert.deepEqual(['web', 'web-*', 'a?', 'a[1]', 'a.b'].map(isGlob), [false, true, true, true, false])
})

test('many stars stay cheap', () => {
  assert.equal(globMatches(`${'a*'.repeat(60)}b`, 'a'.repeat(5000)), false)
})
