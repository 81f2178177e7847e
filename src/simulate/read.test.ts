import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { readBeside } from './read.ts'

const HAS_XZ = spawnSync('xz', ['--version']).status === 0

describe('what a scenario names', () => {
  it('is read beside it, or told to be missing', (t) => {
    const dir = temporaryDir(t)
    writeFileSync(join(dir, 'load.csv'), 'a,b\n')
    const read = readBeside(join(dir, 'scenario.yaml'))
    assert.deepEqual(read('load.csv'), { ok: true, path: join(dir, 'load.csv'), text: 'a,b\n', isCut: false })
    const missing = read('other.csv')
    assert.ok(!missing.ok)
    assert.match(missing.message, /ENOENT.*other\.csv/)
  })

  it('is no pipe and no device, which may have no end', (t) => {
    const dir = temporaryDir(t)
    assert.equal(spawnSync('mkfifo', [join(dir, 'pipe.csv')]).status, 0)
    const read = readBeside(join(dir, 'scenario.yaml'))
    for (const path of ['pipe.csv', '/dev/zero', '.']) {
      assert.deepEqual(read(path), { ok: false, message: 'it is not a regular file' }, path)
    }
  })

  it('may be packed, and is used as far as it goes', { skip: HAS_XZ ? false : 'there is no xz here' }, (t) => {
    const dir = temporaryDir(t)
    const file = join(dir, 'load.csv')
    const text = Array.from({ length: 200_000 }, (_, index) => `${index},${(index * 7919) % 1009}\n`).join('')
    writeFileSync(file, text)
    assert.equal(spawnSync('xz', ['-0', file]).status, 0)
    const read = readBeside(join(dir, 'scenario.yaml'))
    const whole = read('load.csv.xz')
    assert.ok(whole.ok && whole.text === text && !whole.isCut)
    truncateSync(`${file}.xz`, Math.floor(readFileSync(`${file}.xz`).length / 2))
    const half = read('load.csv.xz')
    assert.ok(half.ok && half.isCut && half.text.length > 100_000 && text.startsWith(half.text))
    writeFileSync(file, text)
    assert.equal(spawnSync('xz', ['-0', '--force', file]).status, 0)
    const damaged = readFileSync(`${file}.xz`)
    damaged.fill(0, damaged.length - 2000, damaged.length - 1000)
    writeFileSync(`${file}.xz`, damaged)
    const broken = read('load.csv.xz')
    assert.ok(!broken.ok)
    assert.match(broken.message, /corrupt/)
    writeFileSync(`${file}.xz`, 'nothing of the kind')
    const none = read('load.csv.xz')
    assert.ok(!none.ok)
    assert.match(none.message, /not recognized|format/)
  })
})
