import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printable } from './printable.ts'

test('what people write stays as it is', () => {
  for (const text of ['shop', 'db server', 'büro/größe', 'машина', '仮想', '🐧', ''])
    assert.equal(printable(text), text)
})

test('nothing is left that a terminal obeys, or that ends a line or turns it around', () => {
  assert.equal(printable('a\nb\u001b[2Jc\u007fd\u0085e'), 'a\\u{a}b\\u{1b}[2Jc\\u{7f}d\\u{85}e')
  assert.equal(printable('a\u202eb\u2028c\ud800'), 'a\\u{202e}b\\u{2028}c\\u{d800}')
})

test('what is too long is cut, and not in the middle of a character', () => {
  assert.equal(printable('x'.repeat(128)), 'x'.repeat(128))
  assert.equal(printable('x'.repeat(500)), `${'x'.repeat(127)}…`)
  assert.equal(printable('🐧'.repeat(500)), `${'🐧'.repeat(127)}…`)
})
