import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { journalPath, readJournal } from '#daemon/journal/reader.ts'
import { policyHash } from '#policy/hash.ts'
import { parsePolicy } from '#policy/parse.ts'
import { replayOtherPolicy } from './other-policy.ts'
import { metPart, play, recordsOf, type Play } from './played-run.fixture.ts'

const service = { kind: 'open', spread: 'exponential', parallelism: 4 } as const
const P = (shop: string, api: string, batch: string, extra = '') => `
apiVersion: reeve/v1
host: { mode: manage, interval: 1s, headroom: { cpu: 2% }, surplus: { default: [batch] }, cooldown: 3s }
metrics:
  shop-p95: { source: push, domain: shop, unit: ms, staleAfter: 5s }
  api-p95: { source: push, domain: api, unit: ms, staleAfter: 5s }
  batch-rate: { source: push, domain: batch, unit: items/s, staleAfter: 5s }
domains:
  shop: { driver: simulator${shop} }
  api: { driver: simulator${api} }
  batch: { driver: simulator${batch} }
goals:
  - { domain: shop, kind: performance, metric: shop-p95, below: 200ms, priority: 1 }
  - { domain: api, kind: performance, metric: api-p95, below: 300ms, priority: 2 }
${extra}`
const host = {
    cpus: 2, seed: 11,
    domains: [
      { name: 'shop', load: { ...service, arrivalsPerSecond: 24, demandMs: 25 } },
      { name: 'api', load: { ...service, arrivalsPerSecond: 10, demandMs: 40 } },
      { name: 'batch', load: { kind: 'batch', threads: 4 } },
    ],
    metrics: { 'shop-p95': { domain: 'shop', what: 'p95' }, 'api-p95': { domain: 'api', what: 'p95' }, 'batch-rate': {domain:'batch', what:'throughput'} },
} as const
const steady: Play = { host: host as never, turns: 400 }
const waves: Play = { host: host as never, turns: 400, act: (sim, turn) => {
  if (turn % 40 === 0) sim.set('shop', { arrivalsPerSecond: turn % 80 === 0 ? 24 : 36 })
} }
const full = P('', '', '')
const pols: Record<string,string> = {
  full,
  'shop 700': P(', cpu: { limit: 700m }', '', ''),
  'shop 600': P(', cpu: { limit: 600m }', '', ''),
  'shop 500': P(', cpu: { limit: 500m }', '', ''),
  'api first': full.replace('200ms, priority: 1', '200ms, priority: 2').replace('300ms, priority: 2', '300ms, priority: 1'),
  'shop 80ms': full.replace('below: 200ms', 'below: 80ms'),
  'batch res 1200': P('', '', ', cpu: { reservation: 1200m }'),
}
for (const [name, thing] of [['steady', steady], ['waves', waves]] as const) {
  const recs: Record<string,string> = {}
  for (const [p, text] of Object.entries(pols)) recs[p] = await play(thing, text, mkdtempSync(join(tmpdir(), 'hreplay-')))
  for (const from of ['full', 'batch res 1200']) for (const [p, text] of Object.entries(pols)) {
    const parsed = parsePolicy(text, { file: 'x' }); if (!parsed.ok) throw new Error(JSON.stringify(parsed))
    const journal = readJournal(journalPath(recs[from]!))!
    const r = replayOtherPolicy(journal, { from: 1, to: 400 }, { policy: parsed.policy, file: 'x', hash: policyHash(text) }, true)
    const t0=performance.now()
    journal.close()
    for (const g of r.simulated!.goals) {
      const f = (n: number) => (100 * n).toFixed(0)
      const rec = g.recorded.met / (g.recorded.met + g.recorded.missed)
      const now = g.now.met / (g.now.met + g.now.missed)
      console.log(name, from, '->', p.padEnd(15), g.goal.padEnd(20), 'rec', f(rec), 'check', g.check && [f(g.check.met/g.check.turns), f(g.check.agreed/g.check.turns), g.check.off.toFixed(2), g.check.turns].join('/'), 'SIM', f(now), `unk ${g.now.unknown}`, 'REAL', f(metPart(recs[p]!, g.goal)))
    }
    const uses = r.simulated!.uses.map(u => `${u.domain} ${u.was.toFixed(0)}->${u.now.toFixed(0)}`).join(', ')
    const rs = recordsOf(recs[p]!); const real = ['shop','api','batch'].map(n => { const c = (i: number) => rs.at(i)!.observation.domains.find(d=>d.name===n)!; return `${n} ${((c(-1).counters['cpu']! - c(5).counters['cpu']!)*1000/(c(-1).takenAtMs-c(5).takenAtMs)).toFixed(0)}` }).join(', ')
    console.log('   uses', uses, '| real', real, JSON.stringify(r.simulated!.unknown), r.unusable.first[0]?.message ?? '')
  }
}
