import type { DomainName, GoalId, ResourceKey } from '#core/model/ids.ts'
import type { Aim, Condition, Goal } from '#core/model/policy.ts'
import { globMatches } from '#lib/glob.ts'
import type { WrittenGoal } from './entry-schema.ts'
import { amount, convert, fraction, QUANTITY } from './values.ts'
import type { Written } from './written.ts'

/** Goals with their priorities compressed to 1..P: 10, 20, 20, 70 become 1, 2, 2, 3. */
export function buildGoals(written: Written): Goal[] {
  const goals = written.goals.filter((goal) => goal !== null && scopeOf(goal) !== null) as WrittenGoal[]
  const priorities = [...new Set(goals.map((goal) => goal.priority))].sort((a, b) => a - b)
  const ids = idsOf(goals)
  return goals.map((goal, index) => ({
    id: ids[index]!,
    scope: scopeOf(goal)!,
    application: goal.application ?? 'main',
    priority: priorities.indexOf(goal.priority) + 1,
    aim: aimOf(goal, written),
    conditions: conditionsOf(goal),
    upTo: goal.kind === 'fixed' ? {} : amountsOf(goal.upTo ?? {}, written),
  }))
}

/** Whether a goal is for the policy's domain of that name, which may be a glob; for a part of a glob's too. */
export function namesOf(goal: WrittenGoal, domain: string, groups: readonly string[]): boolean {
  if (goal.all) return true
  if (goal.group !== undefined) return groups.includes(goal.group)
  return goal.domain !== undefined && (goal.domain === domain || globMatches(domain, goal.domain))
}

function scopeOf(goal: WrittenGoal): Goal['scope'] | null {
  if (goal.domain !== undefined) return { domain: goal.domain as DomainName }
  if (goal.group !== undefined) return { group: goal.group }
  return goal.all ? { all: true } : null
}

/**
 * Own names first, then `shop-performance-1` from domain, kind and priority as written, so that a goal added with
 * another priority renames none. What would stand twice is numbered.
 */
function idsOf(goals: readonly WrittenGoal[]): GoalId[] {
  const taken = new Set(goals.flatMap((goal) => goal.name ?? []))
  return goals.map((goal) => {
    if (goal.name !== undefined) return goal.name as GoalId
    const stem = `${goal.domain ?? goal.group ?? 'all'}-${goal.kind}-${goal.priority}`
    let id = stem
    for (let count = 2; taken.has(id); count++) id = `${stem}-${count}`
    taken.add(id)
    return id as GoalId
  })
}

function aimOf(goal: WrittenGoal, written: Written): Aim {
  switch (goal.kind) {
    case 'utilization':
      return { kind: 'utilization', resource: (goal.resource ?? 'cpu') as ResourceKey, target: fraction(goal.target) }
    case 'performance': {
      const unit = written.metrics.get(goal.metric)?.unit ?? ''
      return {
        kind: 'performance',
        metric: goal.metric,
        direction: goal.below === undefined ? 'above' : 'below',
        target: targetIn(unit, goal.below ?? goal.above ?? 0) ?? 0,
      }
    }
    case 'throughput':
      return { kind: 'throughput', metric: goal.metric, target: goal.atLeast }
    case 'fixed':
      return { kind: 'fixed', amounts: amountsOf(goal.amounts, written) }
  }
}

function amountsOf(amounts: Readonly<Record<string, number | string>>, { units }: Written): Goal['upTo'] {
  return Object.fromEntries(Object.entries(amounts).map(([key, value]) => [key, amount(value, units.get(key)!)]))
}

/** A target in the metric's unit, or null where its own unit does not convert: `0.2s` in ms is 200. */
export function targetIn(unit: string, target: number | string): number | null {
  if (typeof target === 'number') return target
  const [, number, from] = QUANTITY.exec(target)!
  return convert(Number(number), from!, unit)
}

function conditionsOf(goal: WrittenGoal): Condition[] {
  const conditions: Condition[] = []
  if (goal.when !== undefined) conditions.push({ kind: 'window', window: goal.when })
  if (goal.whileRunning !== undefined) conditions.push({ kind: 'running', domain: goal.whileRunning as DomainName })
  if (goal.onEvent !== undefined) conditions.push({ kind: 'event', event: goal.onEvent })
  return conditions
}
