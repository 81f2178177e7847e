import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findLayout } from '#drivers/cgroup/layout.ts'
import { removePacketTable } from '#drivers/cgroup/packets.ts'

/** The command line as an administrator uses it, with a directory of its own for all that it keeps. */

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Reeve {
  /** A command that has to do with no daemon, and so does not take its places. */
  plain(...args: readonly string[]): Promise<Ran>
  /** Where the daemon's policy is to be written. */
  readonly policyFile: string
  reeve(...args: readonly string[]): Promise<Ran>
  /** What a command prints with `--json`. */
  ask<Answer>(...args: readonly string[]): Promise<Answer>
  /** Starts a daemon and waits until it answers. It is gone when the test ends, however that ends, with its packet table. */
  up(t: TestContext): Promise<ChildProcess>
}

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export function reeveIn(dir: string): Reeve {
  const policyFile = join(dir, 'policy.yaml')
  const socket = join(dir, 'run', 'control.sock')
  const places = ['--state', join(dir, 'state'), '--socket', socket]
  const command = (...args: readonly string[]) => [...process.execArgv, MAIN, ...args]

  const plain = (...args: readonly string[]): Promise<Ran> =>
    new Promise((resolve) => {
      execFile(process.execPath, command(...args), (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      })
    })
  const reeve = (...args: readonly string[]) => plain(...args, ...places)
  return {
    policyFile,
    plain,
    reeve,
    async ask<Answer>(...args: readonly string[]) {
      const { code, stdout, stderr } = await reeve(...args, '--json')
      assert.equal(code, 0, stderr)
      return JSON.parse(stdout) as Answer
    },
    async up(t) {
      // It ends with the test, by whatever end.
      const under = ['--pdeathsig', 'KILL', process.execPath]
      const child = spawn('setpriv', [...under, ...command('up', '-c', policyFile, ...places)], { stdio: 'ignore' })
      t.after(async () => {
        await stop(child, 'SIGKILL')
        const layout = findLayout('reeve')
        if (layout !== null) await removePacketTable(layout)
      })
      await until(async () => existsSync(socket) && (await reeve('status')).code === 0, 'the daemon answers')
      return child
    },
  }
}

export async function stop(daemon: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  daemon.kill(signal)
  if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit')
}

/** Asks again until it is so; fails after that with what was waited for. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string, seconds = 30): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, `within ${seconds} s: ${what}`)
    await pause(100)
  }
}
