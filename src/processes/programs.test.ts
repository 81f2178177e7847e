import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { endOf, run, runTool, start, ToolFailed } from './programs.ts'

const SOON = { timeoutMs: 20_000 }
const sh = (script: string) => ['/bin/sh', '-c', script] as const
const surroundings = { cwd: '/', env: { PATH: '/usr/bin:/bin' }, uid: process.getuid!(), gid: process.getgid!() }

/** Fields of /proc/ID/stat behind the name; null once it has ended, though nobody has asked how. */
function statOf(pid: number): readonly string[] | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
    return fields[0] === 'Z' ? null : fields
  } catch {
    return null
  }
}
const isThere = (pid: number) => statOf(pid) !== null
const helperId = async () => Number(await runTool(sh('echo $PPID'), SOON))

async function until(isSo: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 20_000; !isSo(); await sleep(5)) assert.ok(performance.now() < endMs)
}

it('a tool is given what it reads, and what it prints comes back', async () => {
  assert.equal(await runTool(['tr', 'a-z', 'A-Z'], { ...SOON, input: 'counters\n' }), 'COUNTERS\n')
})

it('a tool that fails, is killed or is not there says so', async () => {
  await assert.rejects(runTool(sh('echo no such table >&2; exit 3'), SOON), (error) => {
    assert.ok(error instanceof ToolFailed)
    assert.deepEqual([error.message, error.stderr], ['/bin/sh ended with 3: no such table', 'no such table'])
    return true
  })
  await assert.rejects(runTool(sh('kill -SEGV $$'), SOON), /ended by SIGSEGV/)
  await assert.rejects(runTool(['/no/such/tool'], SOON), { code: 'ENOENT' })
})

it('a tool whose time is up is ended with all that it started', async (t) => {
  const pids = join(temporaryDir(t), 'pids')
  await assert.rejects(runTool(sh(`sleep 60 & echo $! > ${pids}; wait`), { timeoutMs: 500 }), {
    message: '/bin/sh gave no answer within 500 ms',
  })
  const left = Number(readFileSync(pids, 'utf8'))
  await until(() => !isThere(left))
})

it('a helper that is killed fails what it was running, and another one takes its place', async () => {
  const helper = await helperId()
  const waiting = run({ argv: ['sleep', '60'], surroundings, standing: 'ordinary', bytesMost: 100 })
  await until(() => waiting.pid !== null)
  process.kill(helper, 'SIGKILL')
  await assert.rejects(waiting.ended, /the process that starts programs for Reeve ended by SIGKILL/)
  await until(() => !isThere(waiting.pid as number))
  assert.notEqual(await helperId(), helper)
})

it('signals for all of a group or a unit do not end the helper', async () => {
  const helper = await helperId()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(helper, signal)
  assert.equal(await helperId(), helper)
})

it('a helper that stands still holds up nobody', async () => {
  const helper = await helperId()
  process.kill(helper, 'SIGSTOP')
  try {
    const begun = run({ argv: sh('echo 4'), surroundings, standing: 'ordinary', bytesMost: 100 })
    await assert.rejects(endOf(begun, AbortSignal.timeout(50)), { name: 'TimeoutError' })
    assert.deepEqual([begun.pid, begun.isOver], [null, false])
  } finally {
    process.kill(helper, 'SIGCONT')
  }
  assert.equal(await helperId(), helper)
})

it('what is started to outlive waits at its gate', async (t) => {
  const output = join(temporaryDir(t), 'output')
  const begun = await start({ argv: sh('read -r word <&3; echo $word; exit 7'), surroundings, output })
  await sleep(50)
  assert.equal(readFileSync(output, 'utf8'), '')
  begun.go()
  assert.equal((await begun.ended).code, 7)
  assert.equal(readFileSync(output, 'utf8'), 'go\n')
  const ending = await start({ argv: sh('read -r word <&3'), surroundings, output })
  ending.end()
  assert.equal((await ending.ended).signal, 'SIGKILL')
  const nowhere = start({ argv: ['/no/such/program'], surroundings, output })
  await assert.rejects(nowhere, { code: 'ENOENT' })
  await assert.rejects(
    start({ argv: ['true'], surroundings, output: '/no/such/place' }),
    /no such file.*\/no\/such\/place/,
  )
})

/** Asks for programs as Reeve does, tells of them on one line, and waits. */
const PROGRAM = `
  import { readFileSync } from 'node:fs'
  import { makeRealTime, openScheduling } from '${new URL('./sched-attributes.ts', import.meta.url)}'
  import { endOf, run, runTool, start } from '${new URL('./programs.ts', import.meta.url)}'
  const policyOf = (pid) => Number(readFileSync('/proc/' + pid + '/stat', 'latin1').split(') ')[1].split(' ')[38])
  if (process.env.REAL_TIME) {
    await openScheduling()
    makeRealTime(0)
  }
  const surroundings = ${JSON.stringify(surroundings)}
  const [helper, ofTool] = (await runTool(['/bin/sh', '-c', 'echo $PPID; cut -d" " -f41 /proc/self/stat'], { timeoutMs: 20000 })).split('\\n').map(Number)
  const command = run({ argv: ['sleep', '60'], surroundings, standing: 'ordinary', bytesMost: 100 })
  while (command.pid === null) await new Promise((resolve) => setTimeout(resolve, 5))
  const kept = await start({ argv: ['/bin/sh', '-c', 'read -r go <&3; exec sleep 60'], surroundings, output: '/dev/null' })
  const gated = await start({ argv: ['/bin/sh', '-c', 'read -r go <&3 || exit; exec sleep 60'], surroundings, output: '/dev/null' })
  kept.go()
  const policies = [policyOf(process.pid), policyOf(helper), ofTool, policyOf(command.pid), policyOf(kept.pid)]
  console.log(JSON.stringify({ helper, command: command.pid, kept: kept.pid, gated: gated.pid, policies }))
  setTimeout(() => {}, 60000)
`
interface Told {
  readonly helper: number
  readonly command: number
  readonly kept: number
  readonly gated: number
  readonly policies: readonly number[]
}

async function asked(env: Readonly<Record<string, string>>): Promise<{ told: Told; end(): Promise<void> }> {
  const args = [...process.execArgv.filter((its) => its.startsWith('--disable')), '--input-type=module', '-e', PROGRAM]
  const cwd = fileURLToPath(new URL('.', import.meta.url))
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const end = async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return { told: JSON.parse(`${line}`), end }
}

it('after a kill -9 of Reeve the helper and what it ran are gone, and what is to outlive goes on', async () => {
  const { told, end } = await asked({})
  const { helper, command, kept, gated } = told
  try {
    await end()
    await until(() => ![helper, command, gated].some(isThere))
    assert.ok(isThere(kept))
  } finally {
    process.kill(kept, 'SIGKILL')
  }
})

const skip = process.geteuid?.() === 0 ? false : 'a real-time standing takes root'
it('the helper and its tools have the standing of Reeve, and what a policy names an ordinary one', {
  skip,
}, async () => {
  const { told, end } = await asked({ REAL_TIME: '1' })
  await end()
  process.kill(told.kept, 'SIGKILL')
  assert.deepEqual(told.policies, [2, 2, 2, 0, 0])
})
