/**
 * `npm run soak -- --minutes N [--seed S]`: plays new seeds for as long as told, and says which fail. One seed again, with
 * all that happens in it: `npm run soak -- --only SEED`. Exit code 1 where one failed.
 */
import { parseArgs } from 'node:util'
import { reasonOf } from '#lib/reason-of.ts'
import { play } from '#test/simulation/play.ts'
import { soak } from '#test/simulation/soak.ts'

const USAGE = 'usage: npm run soak -- [--minutes N] [--seed S], or --only SEED for one with all that happens in it'

const { isOne, first, minutes } = optionsOrEnd()

const tell = isOne ? (line: string) => console.log(line) : () => {}
const began = performance.now()
const usedBefore = process.cpuUsage()
let now = first
let stray = 0
// What a seed left behind it must not end all the others.
process.on('unhandledRejection', (reason) => {
  stray++
  console.log(`seed ${now}, or one before it: nobody waited for ${reasonOf(reason)}`)
})
const { played, turns, failed } = await soak(
  first,
  (seed) => {
    now = seed
    return play(seed, {}, tell)
  },
  () => isOne || performance.now() - began >= minutes * 60_000,
  (line) => console.log(line),
)

const { user, system } = process.cpuUsage(usedBefore)
console.log(
  `${played} seeds from ${first}, ${turns} turns, in ${((performance.now() - began) / 1000).toFixed(1)} s; ` +
    `${((played * 1e6) / (user + system)).toFixed(1)} seeds a second of CPU; ${failed.length} failed`,
)
if (failed.length > 0 && !isOne) console.log(`to see one of them: npm run soak -- --only ${failed[0]}`)
process.exitCode = failed.length + stray > 0 ? 1 : 0

function optionsOrEnd() {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string', default: '1' },
        seed: { type: 'string' },
        only: { type: 'string' },
        help: { type: 'boolean' },
      },
    })
    if (values.help) {
      console.log(USAGE)
      process.exit(0)
    }
    const first = Number(values.only ?? values.seed ?? Date.now() % 2 ** 31)
    const minutes = Number(values.minutes)
    if (!Number.isSafeInteger(first)) throw new Error(`'${values.only ?? values.seed}' is no seed: a whole number is`)
    if (!(minutes > 0)) throw new Error(`--minutes wants a number above 0, not '${values.minutes}'`)
    return { isOne: values.only !== undefined, first, minutes }
  } catch (error) {
    process.stderr.write(`soak: ${(error as Error).message}\n${USAGE}\n`)
    process.exit(2)
  }
}
