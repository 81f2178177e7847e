import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { SamePolicyReport } from '#daemon/replay/report.ts'

const LAUNCHER = fileURLToPath(new URL('../bin/reeve', import.meta.url))
const OUTPUT_BYTES_MOST = 64 * 1024 * 1024

/** What a daemon that has ended left on record, decided again by `reeve replay`. */
export function replayed(stateDir: string): Promise<SamePolicyReport> {
  return new Promise((resolve, reject) => {
    const words = ['replay', '--json', '--state', stateDir]
    execFile(LAUNCHER, words, { maxBuffer: OUTPUT_BYTES_MOST }, (error, stdout, stderr) => {
      try {
        // It ends with 1 where something differs, and says what.
        resolve(JSON.parse(stdout) as SamePolicyReport)
      } catch {
        reject(new Error(`reeve replay of ${stateDir} failed: ${stderr || error?.message}`))
      }
    })
  })
}

/** Turns that did not come out as they were recorded, or could not be decided again. */
export function differingOf({ differing }: SamePolicyReport): number {
  return differing.turns + differing.checkpoints + differing.segments
}
