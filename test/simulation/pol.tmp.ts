import { chanceOf } from '#test/simulation/chance.ts'
import { drawHost } from '#test/simulation/draw-host.ts'
import { drawPolicy } from '#test/simulation/draw-policy.ts'

const seed = Number(process.argv[2])
const host = drawHost(chanceOf(seed, 'host'))
console.log(JSON.stringify(host))
for (const p of ['first policy', 'second policy']) console.log(drawPolicy(chanceOf(seed, p), host))
