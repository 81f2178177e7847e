import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PATHS } from '#api/paths.ts'
import { DEFAULT_LIMITS } from '#daemon/journal/journal.ts'
import { DEFAULTS } from './options.ts'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
const helpOf = (...args: string[]) => execFileSync(process.execPath, [MAIN, ...args, '--help'], { encoding: 'utf8' })

describe('docs/operations.md', () => {
  const text = read('docs/operations.md')
  const commands = new Set([...helpOf().matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name as string))

  it('names only commands that there are, and every command but the help', () => {
    const named = new Set([...text.matchAll(/\breeve ([a-z]+)/g)].map(([, name]) => name as string))
    const unknown = [...named].filter((name) => !commands.has(name))
    assert.deepEqual(unknown, [])
    const elsewhere = ['help', 'demo', 'solve', 'schema', 'simulate']
    assert.deepEqual(
      [...commands].filter((name) => !named.has(name) && !elsewhere.includes(name)),
      [],
    )
  })

  it('names only options that its commands have', () => {
    for (const [, name, rest] of text.matchAll(/`reeve ([a-z]+)([^`]*)`/g)) {
      const options = [...(rest as string).matchAll(/(?<= )--?[a-z]+/g)].map(([option]) => option)
      for (const option of options) assert.ok(helpOf(name as string).includes(option), `reeve ${name} ${option}`)
    }
  })

  it('tells the places and bounds that are in force', () => {
    for (const place of [`${DEFAULTS.state}/journal.db`, DEFAULTS.socket, DEFAULTS.lock])
      assert.ok(text.includes(place), place)
    for (const path of [PATHS.metrics, PATHS.events]) assert.ok(text.includes(`http://reeve${path}`), path)
    assert.equal(DEFAULT_LIMITS.ageMsMax / 86_400_000, 7)
    assert.equal(DEFAULT_LIMITS.bytesMax / 1024 ** 2, 512)
    assert.match(text, /seven days or 512 MiB/)
  })
})
