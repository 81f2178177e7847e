import { capacityChecked } from '#cli/capacity.ts'
import { DRIVER_KINDS } from '#cli/drivers.ts'
import { EXIT } from '#cli/failure.ts'
import { print } from '#cli/output.ts'
import { policyText } from '#cli/policy-text.ts'
import { attention, bad, good } from '#cli/render/style.ts'
import { amount, counted } from '#cli/render/units.ts'
import { missingFor } from '#drivers/cgroup/command.ts'
import { type Fault, type ParsedPolicy, parsePolicy, renderFault } from '#policy/parse.ts'

/** What `check` found, as `--json` prints it. */
interface CheckReport {
  readonly ok: boolean
  readonly kind: 'good' | 'malformed' | 'infeasible'
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
  /** What it was checked against, in millicores and bytes: what this host has. */
  readonly capacity: { readonly cpu: number; readonly memory: number }
}

/** The command `reeve check FILE`: against what this host has. Warnings leave the exit code at 0. */
export async function checkCommand(file: string, options: { readonly json?: boolean }): Promise<number> {
  const text = await policyText(file)
  const capacity = capacityChecked()
  const parsed = parsePolicy(text, { file, capacity, knownDrivers: DRIVER_KINDS, missingFor })
  const report = { ...reportOf(parsed), capacity }
  print(report, (its) => render(its, file), options)
  return report.ok ? EXIT.ok : EXIT.configuration
}

function reportOf(parsed: ParsedPolicy): Omit<CheckReport, 'capacity'> {
  return parsed.ok
    ? { ok: true, kind: 'good', faults: [], warnings: parsed.warnings }
    : { ok: false, kind: parsed.kind, faults: parsed.faults, warnings: [] }
}

function render({ ok, kind, faults, warnings, capacity }: CheckReport, file: string): string {
  const found = ok ? good(`${file} can be used`) : bad(`${file} is ${kind}: ${counted(faults.length, 'fault')}`)
  const cpu = amount(capacity.cpu, 'millicores')
  const head = `${found}, checked against ${cpu} and ${amount(capacity.memory, 'bytes')} of this host`
  return [...faults.map(renderFault), ...warnings.map((warning) => attention(renderFault(warning))), head].join('\n')
}
