/**
 * `npm run soak -- --minutes N [--seed S]`: plays new seeds for as long as told, and says which fail. One seed again, with
 * all that it says: `npm run soak -- --only SEED`.
 */
import { parseArgs } from 'node:util'
import { play } from '#test/simulation/play.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const first = Number(values.only ?? values.seed ?? Date.now() % 2 ** 31)
const endsMs = performance.now() + Number(values.minutes) * 60_000
const began = performance.now()
const usedBefore = process.cpuUsage()
let played = 0
let failed = 0
let turns = 0

for (let seed = first; played === 0 || (values.only === undefined && performance.now() < endsMs); seed++) {
  const { failures, turns: made } = await play(
    seed,
    {},
    values.only === undefined ? () => {} : (line) => console.log(line),
  )
  played++
  turns += made
  if (failures.length === 0) continue
  failed++
  const [one] = failures
  console.log(`seed ${seed}: ${one?.property} at turn ${one?.turn}: ${one?.message} (and ${failures.length - 1} more)`)
}
const cpu = process.cpuUsage(usedBefore)
const cpuS = (cpu.user + cpu.system) / 1e6
console.log(
  `${played} seeds from ${first}, ${turns} turns, in ${((performance.now() - began) / 1000).toFixed(1)} s; ` +
    `${(played / cpuS).toFixed(1)} seeds a second of CPU; ${failed} failed`,
)
if (failed > 0) console.log('one of them again: npm run soak -- --only SEED')
process.exitCode = failed > 0 ? 1 : 0
