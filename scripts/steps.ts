import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Tests that need nothing but Node; they stand beside their sources, the rest of them in these folders. */
export const UNIT_TESTS = [
  'src/**/*.test.ts',
  'bench/**/*.test.ts',
  'test/arbiter/*.test.ts',
  'test/policy/*.test.ts',
  'test/layout.test.ts',
]
/** Whole runs of the daemon on a simulated host, from seeds. */
export const SIMULATION_TESTS = ['test/simulation/*.test.ts']
/** Tests on the real thing: processes, cgroups, machines, the demo, a guest. Each says itself what it lacks here. */
export const SYSTEM_TESTS = [
  'test/cli/*.test.ts',
  'test/conformance/*.test.ts',
  'test/system/*.test.ts',
  'test/demo/*.test.ts',
  'test/guest/*.test.ts',
]

/** Runs one program with its output shown; true where it succeeded. */
export function run(
  name: string,
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): boolean {
  const startedMs = performance.now()
  process.stdout.write(`${styleText('bold', name)} ...\n`)
  const { status, error } = spawnSync(program, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  })
  if (error !== undefined) process.stderr.write(`${name}: cannot run ${program}: ${error.message}\n`)
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  process.stdout.write(`${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s\n`)
  return status === 0
}

/** Runs test files under node:test, `concurrency` files at a time. */
export function runTests(
  name: string,
  globs: readonly string[],
  concurrency = 2,
  environment: NodeJS.ProcessEnv = {},
): boolean {
  const reporter = process.stdout.isTTY ? 'spec' : 'dot'
  const args = ['--disable-warning=ExperimentalWarning', '--test', `--test-concurrency=${concurrency}`]
  // The dots name no failing test until the end, where both reporters list every failure; CI gets the closing counts.
  args.push(
    `--test-reporter=${process.env['CI'] === undefined ? reporter : 'spec'}`,
    '--test-reporter-destination=stdout',
  )
  return run(name, process.execPath, [...args, ...globs], environment)
}
