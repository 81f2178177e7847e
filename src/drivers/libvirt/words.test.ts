import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseWords } from './words.ts'

describe('words of a domain', () => {
  it('are the attributes of one empty element', () => {
    assert.deepEqual(parseWords(`<domain group="web" pin='0-1' cpu-limit="500m"/>\n`), {
      group: 'web',
      pin: '0-1',
      'cpu-limit': '500m',
    })
    assert.deepEqual(parseWords('<r:domain xmlns:r="urn:reeve:v1" ignore="yes"/>'), { ignore: 'yes' })
    assert.deepEqual(parseWords('<domain/>'), {})
  })

  it('are nothing else', () => {
    for (const text of [
      '',
      'group=web',
      '<domain __proto__="x"/>',
      '<domain>web</domain>',
      '<domain group="&amp;"/>',
      '<domain group="a"/><domain/>',
      `<domain a="${'x'.repeat(3000)}"/>`,
      `<domain ${'a="b" '.repeat(2000)}`,
    ]) {
      assert.equal(typeof parseWords(text), 'string', text.slice(0, 30))
    }
  })
})
