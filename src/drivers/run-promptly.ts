import { type ExecFileOptions, execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startPromptly } from './cgroup/scheduling.ts'

const execute = promisify(execFile)

/** Runs a program to its end, for what it prints; no turn waits for a CPU on which it could begin. */
export function runPromptly(
  file: string,
  args: readonly string[],
  options: ExecFileOptions = {},
): Promise<{ readonly stdout: string }> {
  const { running } = startPromptly(() => {
    const running = execute(file, args, { ...options, encoding: 'utf8' })
    return { running, pid: running.child.pid }
  })
  return running
}
