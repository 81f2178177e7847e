import { EXIT, Failure } from '#cli/failure.ts'
import { print } from '#cli/output.ts'
import { renderSimulation } from '#cli/render/simulation.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { renderFault } from '#policy/parse.ts'
import { parseScenario } from '#simulate/parse.ts'
import { readBeside, readText } from '#simulate/read.ts'
import { simulate } from '#simulate/run.ts'

export interface SimulateOptions {
  readonly seed?: number
  readonly compare?: boolean
  readonly json?: boolean
}

const WIDTH_WITHOUT_TERMINAL = 100

/** The command `reeve simulate SCENARIO`. What is wrong with the scenario or its policy ends it with code 78. */
export async function simulateCommand(file: string, { seed, compare = false, json = false }: SimulateOptions) {
  const parsed = parseScenario(scenarioText(file), { file, read: readBeside(file) })
  if (!parsed.ok) {
    throw new Failure(`cannot simulate ${file}:\n${parsed.faults.map(renderFault).join('\n')}`, EXIT.configuration)
  }
  const startedMs = performance.now()
  const onProgress = (part: number): void => {
    if (process.stderr.isTTY) process.stderr.write(`\rsimulating ... ${(part * 100).toFixed(0)} %`)
  }
  const report = await simulate(parsed.scenario, parsed.warnings, {
    compare,
    onProgress,
    ...(seed === undefined ? {} : { seed }),
  })
  if (process.stderr.isTTY) {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    process.stderr.write(`\rsimulated ${report.seconds} s in ${seconds} s\n`)
  }
  const width = process.stdout.columns ?? WIDTH_WITHOUT_TERMINAL
  print(report, (its) => renderSimulation(its, width), { json })
}

function scenarioText(file: string): string {
  try {
    return readText(file)
  } catch (cause) {
    throw new Failure(`cannot read the scenario ${file}: ${reasonOf(cause)}`, EXIT.configuration, { cause })
  }
}
