/**
 * `janitor.ts ROOT DIRECTORY ...`: waits until whoever started it closes its end of the pipe, or is gone by whatever end;
 * then ends all that runs in the groups of that root, removes them, and removes the directories. Ordinary ends and a
 * `kill -9` of the bench are cleaned up by the same lines.
 */
import { rmSync } from 'node:fs'
import { sweep } from '#drivers/cgroup/driver.ts'

const [root, ...directories] = process.argv.slice(2) as [string, ...string[]]
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.stdin.resume()
process.stdin.on('error', () => {})
process.stdin.once('close', () => void cleanUp())

async function cleanUp(): Promise<void> {
  await sweep(root)
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}
