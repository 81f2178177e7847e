/**
 * `controller.ts NAME SETUP TERMS`: a published controller in a process of its own, as Reeve is: at the same standing,
 * reading the same file of readings, told other terms in the same way (SIGHUP), and ended by SIGTERM.
 */
import { readFileSync } from 'node:fs'
import { takePrecedence } from '#daemon/precedence.ts'
import { findLayout, type Layout } from '#drivers/cgroup/layout.ts'
import type { Domain, Readings, Terms } from './cast.ts'
import type { Controller } from './contenders/control.ts'
import { PARTIES } from './contenders/parties.ts'
import { PROPORTIONAL } from './contenders/proportional.ts'
import { heldByProcesses, setAmounts, setMemoryLimit } from './settings.ts'

export interface ControllerSetup {
  readonly root: string
  readonly monitorFile: string
  readonly paths: Readonly<Record<Domain, string>>
}

/** So much of a file the scan is left in any case. */
const LEAST_FILE = 8 * 2 ** 20

const [name, setupFile, termsFile] = process.argv.slice(2) as [string, string, string]
if (name === 'parties') await run(PARTIES)
else if (name === 'proportional') await run(PROPORTIONAL)
else throw new Error(`no controller is called ${name}`)

async function run<State>(controller: Controller<State>): Promise<void> {
  await takePrecedence()
  const { root, monitorFile, paths } = read<ControllerSetup>(setupFile)
  const layout = findLayout(root) as Layout
  let terms = read<Terms>(termsFile)
  let state = controller.begin(terms)
  let heldByScan = heldByProcesses(layout, paths.scan)
  // The kernel may take long to bring a limit about; meanwhile the rest goes on, and the limit is tried again after.
  let limitSet: number | null = null
  let isSetting = false
  const enforce = (): void => {
    const { cpu, scanFileBytes } = controller.settings(state)
    setAmounts(layout, (domain) => paths[domain], cpu, terms.capped)
    const limit = scanFileBytes === null ? null : heldByScan + Math.max(scanFileBytes, LEAST_FILE)
    if (limit === limitSet || isSetting) return
    isSetting = true
    setMemoryLimit(layout, paths.scan, limit)
      .then(() => {
        limitSet = limit
      })
      .catch(() => {})
      .finally(() => {
        isSetting = false
      })
  }
  process.on('SIGHUP', () => {
    terms = read<Terms>(termsFile)
    state = controller.reload(state, terms)
    heldByScan = heldByProcesses(layout, paths.scan)
    enforce()
  })
  process.on('SIGTERM', () => process.exit(0))
  enforce()
  process.stdout.write('ready\n')
  setInterval(() => {
    state = controller.next(state, terms, read<Readings>(monitorFile))
    enforce()
  }, controller.intervalMs)
}

function read<Value>(file: string): Value {
  return JSON.parse(readFileSync(file, 'utf8')) as Value
}
