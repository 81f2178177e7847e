import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BenchResult } from './result.ts'

const RUNS = 15
const TARGET_MS = 150
const DAEMON = fileURLToPath(new URL('./status-daemon.ts', import.meta.url))
const LAUNCHER = fileURLToPath(new URL('../bin/reeve', import.meta.url))

/**
 * How long a person waits for `reeve status`: the launcher, the start of Node, the question, the table. The daemon runs
 * in a process of its own, over a host in memory.
 */
export async function benchStatus(): Promise<BenchResult[]> {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-bench-'))
  const daemon = spawn(process.execPath, [DAEMON, dir], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = await once(daemon.stdout, 'data')
    const socket = String(line).trim()
    const times: number[] = []
    for (let run = 0; run <= RUNS; run++) {
      const from = performance.now()
      execFileSync(LAUNCHER, ['status', '--socket', socket])
      // The first run fills the compile cache, as the first on any host does.
      if (run > 0) times.push(performance.now() - from)
    }
    const median = times.sort((a, b) => a - b)[RUNS >> 1] as number
    const note = `from ${times[0]?.toFixed(0)} to ${times.at(-1)?.toFixed(0)} ms in ${RUNS} runs`
    return [{ name: '`reeve status`', median, unit: 'ms', target: TARGET_MS, met: median < TARGET_MS, note }]
  } finally {
    daemon.kill()
    rmSync(dir, { recursive: true, force: true })
  }
}
