import type { Policy } from '#core/model/policy.ts'
import { policyHash } from '#policy/hash.ts'
import { type ParseOptions, parsePolicy, renderFault } from '#policy/parse.ts'

/** A policy in force, with the text that it came from. */
export interface LoadedPolicy {
  readonly policy: Policy
  readonly text: string
  readonly hash: string
  readonly warnings: readonly string[]
}

export type Loading =
  | { readonly ok: true; readonly loaded: LoadedPolicy }
  | { readonly ok: false; readonly kind: 'malformed' | 'infeasible'; readonly faults: readonly string[] }

/** Reads a policy's text; faults come as lines for people, each with its place. */
export function loadPolicy(text: string, options: ParseOptions): Loading {
  const parsed = parsePolicy(text, options)
  if (!parsed.ok) return { ok: false, kind: parsed.kind, faults: parsed.faults.map(renderFault) }
  const { policy, warnings } = parsed
  return { ok: true, loaded: { policy, text, hash: policyHash(text), warnings: warnings.map(renderFault) } }
}
