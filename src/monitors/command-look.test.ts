import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandPolicy } from '#core/model/policy.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { pulled, until } from './pull.fixture.ts'

type Test = Parameters<typeof temporaryDir>[0]

const user = userInfo().username

function command(t: Test, argv: readonly [string, ...string[]], its: Partial<CommandPolicy> = {}, timeoutMs = 20_000) {
  const whole = { argv, user, directory: '/', environment: {}, ...its }
  return pulled(t, { kind: 'command', command: whole, timeoutMs }, { intervalMs: 50 })
}

const shell = (script: string): readonly [string, ...string[]] => ['/bin/sh', '-c', script]

function isAlive(pid: number): boolean {
  try {
    // A zombie is dead, and waits for its parent to see that.
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** The processes whose ids a script has written, one a line, once there are so many. */
async function written(path: string, count: number): Promise<number[]> {
  const read = (): number[] => {
    try {
      return readFileSync(path, 'utf8').split('\n').filter(Boolean).map(Number)
    } catch {
      return []
    }
  }
  await until(() => read().length >= count)
  return read()
}

describe('a command', { concurrency: 4 }, () => {
  it('of which the interpreter is not there gives no reading', async (t) => {
    const path = join(temporaryDir(t), 'script')
    writeFileSync(path, '#!/no/such/interpreter\n', { mode: 0o755 })
    const { problem } = command(t, [path])
    await until(() => problem()?.includes('ENOENT') === true, problem)
  })

  it('gives the number that it prints, in the surroundings that the policy says', async (t) => {
    const dir = temporaryDir(t)
    const script = '[ "$PWD" = "$0" ] && [ "$A" = b ] && [ -z "$NODE_TEST_CONTEXT" ] && echo 12.5'
    const { value, problem } = command(t, ['/bin/sh', '-c', script, dir], { directory: dir, environment: { A: 'b' } })
    await until(() => value() === 12.5, problem)
  })

  it('is given its words as they are: there is no shell', async (t) => {
    const { problem, value } = command(t, ['echo', '5; echo 6', '$HOME'])
    await until(() => problem()?.includes('"5; echo 6 $HOME') === true, problem)
    assert.equal(value(), undefined)
  })

  it('runs as its user', { skip: process.getuid?.() !== 0 && 'only root may start programs as others' }, async (t) => {
    const { value, problem } = command(t, ['id', '-u'], { user: 'nobody' })
    const nobody = Number(/^nobody:[^:]*:(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1])
    await until(() => value() === nobody, problem)
  })

  for (const [what, argv, its, reason] of [
    ['that prints a text', ['echo', 'NaN'], {}, /printed "NaN.*is not one number/],
    ['that prints nothing', ['true'], {}, /is not one number/],
    ['that prints two numbers', ['echo', '1 2'], {}, /is not one number/],
    ['that prints a negative time', ['echo', '-1'], {}, /negative/],
    ['that fails', shell('echo 5; echo no such pool >&2; exit 3'), {}, /ended with 3: no such pool/],
    ['that is killed', shell('kill -SEGV $$'), {}, /ended by SIGSEGV/],
    ['that prints without end', ['yes', '1'], {}, /prints more than the 65536 bytes/],
    ['that complains without end', shell('yes no >&2'), {}, /prints more than the 65536 bytes/],
    ['that is not there', ['/no/such/program'], {}, /no program \/no\/such\/program/],
    ['of a user that is not there', ['true'], { user: 'nosuchuser' }, /no user nosuchuser/],
    ['in a directory that is not there', ['true'], { directory: '/no/such/place' }, /\/no\/such\/place does not exist/],
  ] as const) {
    it(`${what} gives no reading`, async (t) => {
      const { value, problem, told } = command(t, argv as readonly [string, ...string[]], its)
      await until(() => problem() !== null)
      assert.match(problem() ?? '', reason)
      await sleep(120)
      assert.deepEqual([value(), told.length], [undefined, 1])
    })
  }

  it('whose time is up is ended with all that it started, even what ignores being asked', async (t) => {
    const pids = join(temporaryDir(t), 'pids')
    const script = 'trap "" TERM; echo $$ >> "$0"; (trap "" TERM; sleep 60 & echo $! >> "$0"; wait) & wait; wait'
    const { problem, pull } = command(t, ['/bin/sh', '-c', script, pids], {}, 300)
    await until(() => problem()?.includes('no answer within 300 ms') === true, problem)
    const [first] = await written(pids, 2)
    await until(() => !isAlive(first as number))
    await pull.close()
    // What was killed takes a moment to be gone.
    const all = await written(pids, 2)
    await until(() => !all.some(isAlive))
  })

  it('that ends and leaves something behind gives its number at once, and what it left is ended', async (t) => {
    const pids = join(temporaryDir(t), 'pids')
    const script = 'sleep 60 & echo $! >> "$0"; echo 4'
    const startedMs = performance.now()
    const { value, problem } = command(t, ['/bin/sh', '-c', script, pids], {}, 60_000)
    await until(() => value() === 4, problem)
    assert.ok(performance.now() - startedMs < 50_000)
    const [first] = await written(pids, 1)
    await until(() => !isAlive(first as number))
  })

  it('that runs when Reeve ends is ended before that', async (t) => {
    const pids = join(temporaryDir(t), 'pids')
    const { pull } = command(t, ['/bin/sh', '-c', 'echo $$ >> "$0"; exec sleep 60', pids])
    const [pid] = await written(pids, 1)
    await pull.close()
    assert.equal(isAlive(pid as number), false)
  })
})
