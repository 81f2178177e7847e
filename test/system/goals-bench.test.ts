import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { childrenOf } from '#drivers/cgroup/groups.ts'
import { baseDir, dirIn, findLayout, type Layout } from '#drivers/cgroup/layout.ts'
import { threadsOf } from '#drivers/cgroup/members.ts'
import { reasonToSkip } from '../conformance/requirements.ts'
import { until } from './reeve.ts'

/** `npm run bench:goals` in its shortest form: it comes to a table, and however it ends nothing of it is left. */

const ROOT = 'reeve-goals'
const BENCH = fileURLToPath(new URL('../../bench/goals/main.ts', import.meta.url))
const SHORTEST = ['--runs', '1', '--seconds', '5', '--family', 'II', '--only', 'kernel,proportional']

describe('npm run bench:goals', { skip: await reasonToSkip(ROOT), timeout: 300_000 }, () => {
  const layout = findLayout(ROOT) as Layout
  const start = (): ChildProcess =>
    spawn(process.execPath, [...process.execArgv, BENCH, ...SHORTEST], { stdio: ['ignore', 'pipe', 'pipe'] })
  const groups = (): string[] => layout.all.map((tree) => dirIn(layout, tree, layout.rootPath)).filter(existsSync)
  const directories = (): string[] => globSync('/{dev/shm,var/tmp}/reeve-goals-*')

  test('all contenders of a run come to one table, and nothing is left', async () => {
    const bench = start()
    const [out, said] = await Promise.all([textOf(bench.stdout), textOf(bench.stderr), once(bench, 'exit')])
    assert.equal(bench.exitCode, 0, said)
    for (const contender of ['kernel', 'proportional']) {
      const row = out.split('\n').find((line) => line.startsWith(`| ${contender} |`)) ?? ''
      const cells = row.split('|').map((cell) => cell.trim())
      assert.match(cells[2] ?? '', /^\d+$/, `priority 1 of ${contender}: ${row}`)
      assert.ok(Number(cells[5]) > 0, `batch work under ${contender}: ${row}`)
    }
    const changes = (contender: string): number =>
      Number(
        out
          .split('\n')
          .find((line) => line.startsWith(`| ${contender} |`))
          ?.split('|')[6],
      )
    assert.equal(changes('kernel'), 0)
    assert.ok(changes('proportional') > 0, 'a controller is seen to change something')
    assert.deepEqual([groups(), directories()], [[], []])
  })

  test('of a bench that is killed nothing is left either', async () => {
    const bench = start()
    bench.stdout?.resume()
    let said = ''
    bench.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    await until(() => said.includes(': kernel'), 'the first contender plays')
    const threads = threadsOf(layout, layout.rootPath)
    assert.ok(threads.length > 10, 'services and jobs are running')
    assert.deepEqual(childrenOf(baseDir(layout, layout.rootPath)).toSorted(), ['generator', 'work'])
    bench.kill('SIGKILL')
    await until(() => groups().length === 0 && directories().length === 0, 'groups and directories are gone')
    await until(() => !threads.some(isAlive), 'no thread is left')
  })
})

/** One that has ended and that nobody has asked about yet is not. */
function isAlive(thread: number | string): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${thread}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function textOf(stream: ChildProcess['stdout']): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) text += `${chunk}`
  return text
}
