/**
 * `npm test`: the check, simulated runs of the daemon, then every system test on the real thing. Where something is missing for one (root, writable
 * cgroups, a Debian package), it is skipped in a visible line; with REEVE_REQUIRE_SYSTEM=1, as in CI, it fails instead.
 */
import { run, runTests, SIMULATION_TESTS, SYSTEM_TESTS } from './steps.ts'

const check = run('check', process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/check.ts'])
const simulation = check && runTests('simulated runs', SIMULATION_TESTS)
// One file at a time: these tests measure what the kernel gives to whom, and would measure each other.
const system = simulation && runTests('system tests', SYSTEM_TESTS, 1)
process.exitCode = system ? 0 : 1
