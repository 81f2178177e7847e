import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirOfFile } from '#lib/temporary-dir.fixture.ts'
import { dirOf, type Layout, type Tree } from './layout.ts'

const root = temporaryDirOfFile('layout')

/** Two trees: Reeve is at the top of the one and confined to `/session` in the other, if that is said. */
function layout(home: string): Layout {
  const [cpu, memory]: Tree[] = [
    { mount: join(root, 'cpu'), home: '' },
    { mount: join(root, 'memory'), home },
  ]
  return {
    version: 1,
    base: cpu as Tree,
    trees: { cpu: cpu as Tree, memory: memory as Tree },
    all: [cpu as Tree, memory as Tree],
    rootPath: '/reeve',
    counting: null,
  }
}

describe('the directory of a group', () => {
  for (const path of ['cpu/shop', 'memory/session/shop', 'cpu/api', 'memory/api', 'memory/session/api'])
    mkdirSync(join(root, path), { recursive: true })
  const memoryOf = (path: string, home = '/session') => dirOf(layout(home), 'memory', path)?.slice(root.length)

  it('lies below the home of each tree for groups of its own', () =>
    assert.equal(memoryOf('/reeve/x'), '/memory/session/reeve/x'))
  it('is at the same path for groups of others, or else below the home', () => {
    assert.equal(memoryOf('/api'), '/memory/api')
    assert.equal(memoryOf('/shop'), '/memory/session/shop')
    assert.equal(memoryOf('/shop', ''), '/memory/shop')
    assert.equal(memoryOf('/nowhere'), '/memory/nowhere')
  })
})
