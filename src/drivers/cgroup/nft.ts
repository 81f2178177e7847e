import { runTool } from '#processes/programs.ts'

/** The nftables program. */

const PATIENCE_MS = 2000

/** Carries out a script as one transaction; `check` only asks whether it could be carried out. */
export async function changeRules(script: string, mode: 'change' | 'check' = 'change'): Promise<void> {
  const options = mode === 'check' ? ['-c'] : []
  await runTool(['nft', ...options, '-f', '-'], { input: script, timeoutMs: PATIENCE_MS })
}

export interface Listed {
  readonly counter?: { readonly name: string; readonly packets: number; readonly bytes: number }
}

/**
 * The named counters of a table, among other objects, as nft's JSON has them. Only the counters: to list a map, nft
 * would look for the path of every group in it all over the tree.
 */
export async function listCounters(table: string): Promise<readonly Listed[]> {
  const text = await runTool(['nft', '-j', 'list', 'counters', 'table', 'inet', table], { timeoutMs: PATIENCE_MS })
  return (JSON.parse(text) as { readonly nftables: readonly Listed[] }).nftables
}
