import { readFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { EXIT, Failure } from '#cli/failure.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { attention, bad, good } from '#cli/render/style.ts'
import { counted } from '#cli/render/units.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { type Fault, type ParsedPolicy, parsePolicy, renderFault } from '#policy/parse.ts'

/** What `check` found, as `--json` prints it. */
interface CheckReport {
  readonly ok: boolean
  readonly kind: 'good' | 'malformed' | 'infeasible'
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
}

/** The command `reeve check FILE`: against what this host has. */
export async function checkCommand(file: string, options: CommonOptions): Promise<number> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new Failure(`cannot read the policy ${file}: ${reasonOf(cause)}`, EXIT.configuration, { cause })
  }
  const capacity = { cpu: availableParallelism() * 1000, memory: totalmem() }
  const report = reportOf(parsePolicy(text, { file, capacity, knownDrivers: ['cgroup'] }))
  print(report, (its) => render(its, file), options)
  return report.ok ? EXIT.ok : EXIT.configuration
}

function reportOf(parsed: ParsedPolicy): CheckReport {
  return parsed.ok
    ? { ok: true, kind: 'good', faults: [], warnings: parsed.warnings }
    : { ok: false, kind: parsed.kind, faults: parsed.faults, warnings: [] }
}

function render({ ok, kind, faults, warnings }: CheckReport, file: string): string {
  const head = ok ? good(`${file} can be used`) : bad(`${file} is ${kind}: ${counted(faults.length, 'fault')}`)
  return [...faults.map(renderFault), ...warnings.map((warning) => attention(renderFault(warning))), head].join('\n')
}
