import type { Policy } from '#core/model/policy.ts'
import { policyHash } from '#policy/hash.ts'
import { parsePolicy, renderFault } from '#policy/parse.ts'

/** A policy in force, with the text that it came from. */
export interface LoadedPolicy {
  readonly policy: Policy
  /** Where the text comes from; null for one without a name. */
  readonly file: string | null
  readonly text: string
  readonly hash: string
  readonly warnings: readonly string[]
}

export type Loading =
  | { readonly ok: true; readonly loaded: LoadedPolicy }
  | { readonly ok: false; readonly kind: 'malformed' | 'infeasible'; readonly faults: readonly string[] }

/** Reads a policy's text; faults come as lines for people, each with its place. */
export function loadPolicy(text: string, file: string | null, knownDrivers: readonly string[]): Loading {
  const parsed = parsePolicy(text, { file: file ?? 'policy', knownDrivers })
  if (!parsed.ok) return { ok: false, kind: parsed.kind, faults: parsed.faults.map(renderFault) }
  const { policy, warnings } = parsed
  return { ok: true, loaded: { policy, file, text, hash: policyHash(text), warnings: warnings.map(renderFault) } }
}
