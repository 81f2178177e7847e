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
    } else if (isInside(name, name, written)) {
      yield infeasible(path, `${show(name)} is inside itself: ${circle(name, written)}`)
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

function isInside(name: string, ancestor: string, written: Written): boolean {
  const seen = new Set<string>()
  let parent = written.domains.get(name)?.parent
  while (parent !== undefined && !seen.has(parent)) {
    if (parent === ancestor) return true
    seen.add(parent)
    parent = written.domains.get(parent)?.parent
  }
  return false
}

/** `a` in `b` in `a`, from one of its members. */
function circle(name: string, written: Written): string {
  const names = [name]
  let parent = written.domains.get(name)?.parent
  while (parent !== undefined && parent !== name) {
    names.push(parent)
    parent = written.domains.get(parent)?.parent
  }
  return [...names, name].map(show).join(' in ')
}
