import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { pulled, until } from './pull.fixture.ts'

function fifo(t: Parameters<typeof temporaryDir>[0]) {
  const path = join(temporaryDir(t), 'fifo')
  execFileSync('mkfifo', [path])
  return { path, ...pulled(t, { kind: 'fifo', path }) }
}

/** Opens it for writing once somebody reads, without waiting in a thread. */
async function writer(
  t: { after(work: () => void): void },
  path: string,
): Promise<{ write(text: string): void; close(): void }> {
  let fd = -1
  await until(() => {
    if (fd >= 0) return true
    try {
      fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
      return true
    } catch {
      return false
    }
  })
  const close = () => {
    if (fd >= 0) closeSync(fd)
    fd = -1
  }
  t.after(close)
  return { write: (text) => void writeSync(fd, text), close }
}

describe('a FIFO', () => {
  it('gives each line when it comes, and says that none has come before', async (t) => {
    const { path, value, problem, told } = fifo(t)
    await until(() => problem()?.includes('nothing has been written') === true)
    const { write } = await writer(t, path)
    write('12.5\n')
    await until(() => value() === 12.5 && problem() === null, problem)
    write('13\n14\n')
    await until(() => value() === 14)
    assert.deepEqual(told, [])
  })

  it('gives no half line, also of a writer that goes in the middle of one', async (t) => {
    const { path, value, problem } = fifo(t)
    const first = await writer(t, path)
    first.write('1\n23')
    await until(() => value() === 1)
    await sleep(60)
    assert.equal(value(), 1)
    first.close()
    await until(() => problem()?.includes('in the middle of a line') === true, problem)
    const second = await writer(t, path)
    second.write('4\n')
    await until(() => value() === 4 && problem() === null, problem)
    second.write('5')
    await sleep(30)
    second.write('6\n')
    await until(() => value() === 56)
  })

  it('gives what writers write that come and go', async (t) => {
    const { path, value } = fifo(t)
    for (let n = 1; n <= 20; n++) {
      const { write, close } = await writer(t, path)
      write(`${n}\n`)
      close()
      await until(() => value() === n, value)
    }
  })

  it('gives no line that is not a number, however long, and goes on behind it', async (t) => {
    const { path, value, problem } = fifo(t)
    const file = await open(path, 'w')
    t.after(() => file.close())
    await file.write('5\n')
    await until(() => value() === 5)
    for (const line of ['NaN', '-3', '1 2', '', `${'0'.repeat(100_000)}6`]) {
      await file.write(`${line}\n`)
      await until(() => problem() !== null)
      assert.equal(value(), 5)
      await file.write('5\n')
      await until(() => problem() === null, problem)
    }
  })

  it('that is flooded is read in portions, and keeps nobody from anything else', async (t) => {
    const { path, value } = fifo(t)
    const file = await open(path, 'w')
    const startedMs = performance.now()
    let written = 0
    let isFlooding = true
    const flood = (async () => {
      while (isFlooding) written += (await file.write('7\n'.repeat(32_768))).bytesWritten
    })()
    await until(() => value() === 7)
    await sleep(500)
    isFlooding = false
    await flood
    const intervals = (performance.now() - startedMs) / 20
    await file.close()
    // 256 KiB in each, and a read and a write more on the way.
    assert.ok(written < (intervals + 2) * 2 ** 19, `${written} in ${intervals}`)
  })

  it('that is made anew is opened anew; what is no FIFO is said', async (t) => {
    const { path, value, problem } = fifo(t)
    ;(await writer(t, path)).write('1\n')
    await until(() => value() === 1)
    rmSync(path)
    await until(() => problem()?.includes('ENOENT') === true, problem)
    writeFileSync(path, '2\n')
    await until(() => problem()?.includes('not a FIFO') === true, problem)
    rmSync(path)
    execFileSync('mkfifo', [path])
    await until(() => problem()?.includes('nothing has been written') === true, problem)
    ;(await writer(t, path)).write('3\n')
    await until(() => value() === 3 && problem() === null, problem)
    execFileSync('mkfifo', [`${path}.new`])
    renameSync(`${path}.new`, path)
    ;(await writer(t, path)).write('4\n')
    await until(() => value() === 4)
  })
})
