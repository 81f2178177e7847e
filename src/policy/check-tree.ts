import { isGlob } from '#lib/glob.ts'
import { readable } from './build.ts'
import type { WrittenDomain } from './entry-schema.ts'
import { type Finding, infeasible, type Path, show, unknown } from './finding.ts'
import type { Written } from './written.ts'

/** The tree of domains: parents exist, no domain is inside itself, and what belongs to leaves stands on leaves. */
export function* checkTree(written: Written): Iterable<Finding> {
  const entries = readable(written.domains)
  for (const [name, { parent }] of entries) {
    if (parent === undefined) continue
    const path = ['domains', name, 'parent']
    if (!written.domains.has(parent)) {
      const names = [...written.domains.keys()].filter((other) => other !== name && !isGlob(other))
      yield unknown('infeasible', path, 'domain', parent, names)
    } else {
      const circle = circleOf(name, written)
      // Reported once, at the member that is written first.
      const first = entries.find(([member]) => circle.includes(member))?.[0]
      if (first !== name) continue
      const way = [...circle, name].map(show).join(' in ')
      yield infeasible(path, `${show(name)} is inside itself: ${way}`)
    }
  }
  for (const name of parentsOf(written)) {
    const domain = written.domains.get(name)
    if (domain) yield* parentForm(name, domain, domain.shares, written)
  }
}

/** Names of domains that others are inside of. */
export function parentsOf(written: Written): ReadonlySet<string> {
  return new Set(readable(written.domains).flatMap(([, { parent }]) => parent ?? []))
}

function* parentForm(
  name: string,
  domain: WrittenDomain,
  shares: ReadonlyMap<string, object>,
  written: Written,
): Iterable<Finding> {
  const path: Path = ['domains', name]
  const child = readable(written.domains).find(([, other]) => other.parent === name)![0]
  const because = `${show(name)} is the parent of ${show(child)}`
  if (domain.command !== undefined) {
    yield infeasible(
      [...path, 'command'],
      `${because} and runs no command of its own`,
      'give the command a domain inside it',
    )
  }
  if (domain.role !== undefined && domain.role !== 'managed') {
    yield infeasible([...path, 'role'], `${because} and cannot be ${domain.role}`, 'give its children the role')
  }
  if (domain.groups !== undefined) {
    const hint = 'goals are for domains without children; put those into the group'
    yield infeasible([...path, 'groups'], `${because} and belongs to no group`, hint)
  }
  for (const [key, share] of shares) {
    for (const property of ['own', 'lend', 'borrow'] as const) {
      if (!(property in share)) continue
      const hint = 'a parent has a reservation, a limit and a weight'
      yield infeasible([...path, key, property], `${because} and has no \`${property}\``, hint)
    }
  }
}

/** `a`, `b` where `a` is in `b` and `b` in `a`; empty where the way up from `a` does not lead back to it. */
function circleOf(name: string, written: Written): string[] {
  const names = [name]
  let parent = written.domains.get(name)?.parent
  while (parent !== name) {
    if (parent === undefined || names.includes(parent)) return []
    names.push(parent)
    parent = written.domains.get(parent)?.parent
  }
  return names
}
