import type { DomainPolicy } from '#core/model/policy.ts'
import { globMatches, isGlob } from '#lib/glob.ts'

/** An entry of the policy and its place there. */
export interface Entry {
  readonly policy: DomainPolicy
  readonly index: number
}

/** What the policy calls a domain that it names. */
export interface Matched {
  readonly name: string
  readonly policy: DomainPolicy
  readonly policyIndex: number
}

/** Where the policy names the domain: by UUID, by name, or by the first pattern where nothing else does. */
export function matchOf(
  entries: readonly Entry[],
  domain: { readonly uuid: string; readonly name: string },
): Matched | null {
  const found = entries.find(({ policy }) => names(policy, domain)) ?? byPattern(entries, domain.name)
  if (found === undefined) return null
  const { policy, index } = found
  return { name: isGlob(policy.name) ? domain.name : policy.name, policy, policyIndex: index }
}

/** In the policy's order, in which domains are reported. */
export function inPolicyOrder(one: Matched, other: Matched): number {
  return one.policyIndex - other.policyIndex || (one.name < other.name ? -1 : 1)
}

function names({ name, match }: DomainPolicy, domain: { readonly uuid: string; readonly name: string }): boolean {
  return match.kind === 'uuid' ? match.uuid === domain.uuid : name === domain.name
}

function byPattern(entries: readonly Entry[], name: string): Entry | undefined {
  return entries.find(({ policy }) => isGlob(policy.name) && globMatches(policy.name, name))
}
