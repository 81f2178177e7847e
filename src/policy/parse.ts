import type { Policy } from '#core/model/policy.ts'
import { buildPolicy } from './build.ts'
import { checkAmounts } from './check-amounts.ts'
import { checkCommands, type MissingFor } from './check-commands.ts'
import { checkForm } from './check-form.ts'
import { checkGoals } from './check-goals.ts'
import { checkMetrics } from './check-metrics.ts'
import { checkReferences, checkUnused } from './check-references.ts'
import { checkTree } from './check-tree.ts'
import { type PolicyDocument, readDocument, type SyntaxFault } from './document.ts'
import { type Finding, renderPath } from './finding.ts'
import { isRecord } from './shape.ts'
import { readWritten } from './written.ts'

/** Something wrong in a policy's text, at its place. Lines and columns count from 1. */
export interface Fault {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Where in the policy, for programs: `domains.shop.cpu.limit`, `goals[2].priority`. */
  readonly path: string
  readonly message: string
  /** What would be right; goes on where the message ends. */
  readonly hint?: string
}

/** One line for people: "policy.yaml:12:5: unknown key `prioritty`, did you mean `priority`?". */
export function renderFault(fault: Fault): string {
  const hint = fault.hint === undefined ? '' : `, ${fault.hint}`
  return `${fault.file}:${fault.line}:${fault.column}: ${fault.message}${hint}`
}

/** What the policy is read against. Nothing here is looked up: the same arguments always give the same result. */
export interface ParseOptions {
  /** Name of the file, for faults. */
  readonly file: string
  /** What the host has, in the resources' units (millicores, bytes), before headroom; what is absent is not checked. */
  readonly capacity?: Partial<Record<string, number>>
  /** Drivers that exist; where absent, any name will do. */
  readonly knownDrivers?: readonly string[]
  /** Says what the host lacks for a command; where absent, nothing is missing. */
  readonly missingFor?: MissingFor
}

export type ParsedPolicy =
  | { readonly ok: true; readonly policy: Policy; readonly warnings: Fault[] }
  /** `malformed` if any entry is; then what could be read was compared all the same, and `faults` has everything. */
  | { readonly ok: false; readonly kind: 'malformed' | 'infeasible'; readonly faults: Fault[] }

/** Reads a policy's text. All faults at once, in the order of their lines; never throws, whatever the text. */
export function parsePolicy(text: string, options: ParseOptions): ParsedPolicy {
  const reading = readDocument(text)
  if (!reading.ok) return { ok: false, kind: 'malformed', faults: inOrder(reading.faults.map(fromSyntax)) }
  const { document } = reading
  if (document.data === null || document.data === undefined) {
    const empty = { line: 1, column: 1, message: 'the policy is empty', hint: 'begin with `apiVersion: reeve/v1`' }
    return { ok: false, kind: 'malformed', faults: [fromSyntax(empty)] }
  }
  if (isRecord(document.data) && /^reeve-scenario\//.test(String(document.data['apiVersion']))) {
    const message = 'this is a scenario, not a policy'
    const its = { ...document.place(['apiVersion'], 'value'), message, hint: '`reeve simulate` plays it' }
    return { ok: false, kind: 'malformed', faults: [{ ...fromSyntax(its), path: 'apiVersion' }] }
  }
  const { written, findings } = readWritten(document)
  const policy = buildPolicy(written)
  // What is missing from an entry may be what could not be read of it.
  const unread = new Set(findings.map(({ path }) => renderPath(path.slice(0, 2))))
  const form = [...checkForm(written), ...checkMetrics(written)].filter(
    ({ absence, path }) => !absence || !unread.has(renderPath(path.slice(0, 2))),
  )
  const all: Finding[] = [
    ...findings,
    ...form,
    ...checkReferences(written, options.knownDrivers),
    ...checkUnused(written),
    ...checkTree(written),
    ...checkGoals(written, policy, options.capacity ?? {}),
    ...checkAmounts(written, policy, options.capacity ?? {}),
  ]
  const place = (finding: Finding): Fault => faultOf(finding, document, options.file)
  const ofKind = (kind: Finding['kind']): Fault[] => all.filter((finding) => finding.kind === kind).map(place)
  const badForm = [...reading.findings.map(fromSyntax), ...ofKind('malformed')]
  const faults = inOrder([...badForm, ...ofKind('infeasible')])
  if (faults.length === 0) {
    const ofHost = [...checkCommands(policy, options.missingFor ?? (() => []))].map(place)
    return { ok: true, policy, warnings: inOrder([...ofKind('warning'), ...ofHost]) }
  }
  return { ok: false, kind: badForm.length > 0 ? 'malformed' : 'infeasible', faults }

  function fromSyntax(fault: SyntaxFault): Fault {
    return { file: options.file, path: '', ...fault }
  }
}

/** A finding at its line and column. */
export function faultOf(finding: Finding, document: PolicyDocument, file: string): Fault {
  const { path, at, message, hint } = finding
  const its = { file, ...document.place(path, at), path: renderPath(path), message }
  return hint === undefined ? its : { ...its, hint }
}

/** By line and column, as a reader meets them. */
export function inOrder(faults: Fault[]): Fault[] {
  return faults.sort((a, b) => a.line - b.line || a.column - b.column)
}
