/**
 * `npm run check`: types, lint and format, layout rules, unit tests. What a developer runs before each commit, so it
 * stays under 30 s; system tests belong to `npm test`.
 */
import { run, runTests, UNIT_TESTS } from './steps.ts'

const steps = [
  run('types', 'node_modules/.bin/tsc', []),
  run('lint and format', 'node_modules/.bin/biome', ['check', '--error-on-warnings']),
  runTests('layout and unit tests', UNIT_TESTS),
]
process.exitCode = steps.every((ok) => ok) ? 0 : 1
