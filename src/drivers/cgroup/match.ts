import type { DomainPolicy, Policy } from '#core/model/policy.ts'
import { globMatches, isGlob } from '#lib/glob.ts'
import { childrenOf } from './groups.ts'
import { baseDir, isOwn, type Layout } from './layout.ts'

/** Which group each domain of a policy is, or would be. */
export interface Placed {
  readonly name: string
  readonly policy: DomainPolicy
  readonly policyIndex: number
  /** Path of its group in the tree that names the nodes, whether or not there is one now. */
  readonly path: string
  /** Of a domain that another driver manages: `cpu` where the rest of it does not lie in the group. */
  readonly carries?: 'cpu' | 'all'
}

/** Answers the path of a systemd unit's group, or null where it does not run. */
export type UnitPath = (unit: string) => string | null

/**
 * Domains of this driver, in the policy's order. A pattern stands for the groups that lie where a domain of that name
 * would lie and that no domain before it claimed; whatever is named must be there to be observed, but is listed here
 * in any case.
 */
export function place(policy: Policy, layout: Layout, unitPath: UnitPath): Placed[] {
  const paths = new Map<string, string>()
  const placed: Placed[] = []
  const claimed = new Set<string>()
  const exact = new Set(policy.domains.filter((domain) => !isGlob(domain.name)).map((domain) => domain.name))
  for (const [policyIndex, domain] of policy.domains.entries()) {
    if (domain.driver !== 'cgroup') continue
    const above = (domain.parent === null ? undefined : paths.get(domain.parent)) ?? layout.rootPath
    for (const { name, path } of candidates(domain, above, layout, unitPath, exact)) {
      if (claimed.has(path)) continue
      claimed.add(path)
      paths.set(name, path)
      placed.push({ name, policy: domain, policyIndex, path })
    }
  }
  return placed
}

function candidates(
  { name, match }: DomainPolicy,
  above: string,
  layout: Layout,
  unitPath: UnitPath,
  exact: ReadonlySet<string>,
): { name: string; path: string }[] {
  if (match.kind === 'path') return [{ name, path: match.path.replace(/\/+$/, '') }]
  if (match.kind === 'unit') {
    const path = unitPath(match.unit)
    return path === null ? [] : [{ name, path }]
  }
  if (!isGlob(name)) return [{ name, path: `${above}/${name}` }]
  return childrenOf(baseDir(layout, above))
    .filter((child) => globMatches(name, child) && !exact.has(child))
    .map((child) => ({ name: child, path: `${above}/${child}` }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Names that would leave the parent's directory, or be taken for one of the kernel's own files. */
export function isUsableName(name: string): boolean {
  return /^[\w][\w.@:+-]*$/.test(name) && !name.startsWith('cgroup.')
}

/**
 * Groups that Reeve makes: those of commands, and those of parents in which a command lies at any depth. A parent
 * without one only adds up in the policy.
 */
export function madeByReeve(placed: readonly Placed[], layout: Layout): Placed[] {
  const commands = placed.filter((one) => one.policy.match.kind === 'command')
  return placed.filter(
    (one) =>
      isOwn(layout, one.path) &&
      (one.policy.match.kind === 'command' ||
        (one.policy.match.kind === 'parent' && commands.some((command) => command.path.startsWith(`${one.path}/`)))),
  )
}
