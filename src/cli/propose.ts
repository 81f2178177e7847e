import type { Found } from './discover.ts'
import { amount } from './render/units.ts'

/** The busiest only: a policy that a person reads. */
const DOMAINS_MOST = 20
const MIB = 1024 * 1024

/**
 * A policy for what was found, to be read and changed by a person: mode advise, so nothing is set; one goal for each
 * domain; what limits it today stays its limit.
 */
export function proposePolicy(found: readonly Found[], seconds: number): string {
  const chosen = found.slice(0, DOMAINS_MOST)
  const head = `# Proposed by 'reeve discover' from what ran here for ${seconds} s, the busiest first. In mode advise nothing is set:
# see what would be done with 'reeve plan -c FILE', say what matters by the goals' priorities (1 is first), and say
# 'mode: manage' when you trust it.
apiVersion: reeve/v1
host:
  mode: advise
`
  if (chosen.length === 0) return `${head}# No service, container or group with processes of its own was found.\n`
  return `${head}domains:\n${chosen.map(domainText).join('')}goals:\n${chosen.map(goalText).join('')}`
}

function domainText({ name, path, kind, unit, cpu, memory, limits }: Found): string {
  const used = `${kind}, used ${amount(cpu, 'millicores')} and ${amount(memory, 'bytes')}`
  const lines = [`  ${name}: # ${used}`]
  lines.push(unit === null ? `    path: ${JSON.stringify(path)}` : `    unit: ${JSON.stringify(unit)}`)
  if (limits.cpu !== null) lines.push(`    cpu: { limit: ${Math.max(1, Math.round(limits.cpu))}m }`)
  if (limits.memory !== null) lines.push(`    memory: { limit: ${Math.max(1, Math.floor(limits.memory / MIB))}MiB }`)
  return `${lines.join('\n')}\n`
}

function goalText({ name }: Found): string {
  return `  - { domain: ${name}, kind: utilization, resource: cpu, target: 70%, priority: 1 }\n`
}
