import { loadavg } from 'node:os'
import { renderFault } from '#policy/parse.ts'
import { parseScenario } from '#simulate/parse.ts'
import { simulate } from '#simulate/run.ts'
import type { BenchResult } from './result.ts'

const HOURS = 24
const MACHINES = 50
/** Every fifth machine never has enough; every tenth has a goal of its own. */
const BATCH_EVERY = 5
const MEASURED_EVERY = 10
const TARGET_MIN = 1

/** `reeve simulate` with a day of 50 machines at a turn a second: how long does one wait for it? */
export async function benchSimulate(hours = HOURS): Promise<BenchResult[]> {
  const parsed = parseScenario(scenarioText(hours), { file: 'day', read: () => ({ ok: false, message: 'no file' }) })
  if (!parsed.ok) throw new Error(parsed.faults.map(renderFault).join('\n'))
  const loadBefore = loadavg()[0] as number
  const startedMs = performance.now()
  const { managed } = await simulate(parsed.scenario, parsed.warnings)
  const minutes = (performance.now() - startedMs) / 60_000
  const answers = managed.domains.reduce((sum, { work, isBatch }) => sum + (isBatch ? 0 : work), 0)
  return [
    {
      name: `${hours} simulated hours of ${MACHINES} machines`,
      median: minutes,
      unit: 'min',
      target: TARGET_MIN,
      met: minutes < TARGET_MIN,
      note: `${managed.turns.made} turns, ${managed.turns.changing} with changes, ${answers} requests; load average ${loadBefore.toFixed(2)} before`,
    },
    { name: 'a turn and its second of the world', median: (minutes * 6e7) / managed.turns.made, unit: 'us' },
  ]
}

/** Busy once a day, each machine at an hour of its own. */
function scenarioText(hours: number): string {
  const names = Array.from({ length: MACHINES }, (_, index) => `vm-${index}`)
  const measured = names.filter((_, index) => index % MEASURED_EVERY === 1)
  const domains = names.flatMap((name, index) => {
    if (index % BATCH_EVERY === 0) return [`  ${name}: { load: { kind: batch, threads: 1 } }`]
    const reports = measured.includes(name) ? [`    metrics: { ${name}-p95: p95 }`] : []
    return [
      `  ${name}:`,
      '    load: { kind: open, perSecond: 15, cpu: 40ms, threads: 2, underwayMost: 50 }',
      `    changes: [{ kind: daily, peak: ${index % 24}h, least: 7% }]`,
      ...reports,
    ]
  })
  return [
    'apiVersion: reeve-scenario/v1',
    `host: { cpus: 32, memory: 64GiB, duration: ${hours}h }`,
    'policy:',
    '  apiVersion: reeve/v1',
    '  host: { mode: manage, interval: 1s }',
    '  metrics:',
    ...measured.map((name) => `    ${name}-p95: { source: push, domain: ${name}, unit: ms }`),
    '  domains:',
    ...measured.map((name) => `    ${name}: {}`),
    '    vm-*: {}',
    '  goals:',
    ...measured.map(
      (name) => `    - { domain: ${name}, kind: performance, metric: ${name}-p95, below: 200ms, priority: 1 }`,
    ),
    '    - { domain: vm-*, kind: utilization, target: 75%, priority: 2 }',
    'domains:',
    ...domains,
    '',
  ].join('\n')
}
