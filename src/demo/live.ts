import { settleText, triggerText, verdictText } from '#cli/render/reasons.ts'
import { bad, bold, dim, good } from '#cli/render/style.ts'
import { table } from '#cli/render/table.ts'
import { amount } from '#cli/render/units.ts'
import type { DomainName } from '#core/model/ids.ts'
import { CPU } from '#core/model/resource.ts'
import type { TurnSummary } from '#daemon/control.ts'
import type { Act } from './figures.ts'
import type { Plan, ServiceName } from './plan.ts'

/** What is on the screen while an act is played. */
export interface Scene {
  readonly title: string
  readonly goals: Act['goals']
  readonly plan: Plan
}

/** Where no terminal is watching, a table is printed this often instead of being redrawn each second. */
const PLAIN_EVERY = 5

/** The live table: goal, measured, entitlement, use, and the last reason, for each domain. */
export class Live {
  readonly #out: NodeJS.WriteStream
  #scene: Scene | null = null
  #lines = 0
  #turns = 0
  readonly #reasons = new Map<DomainName, string>()

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  say(text: string): void {
    this.#lines = 0
    this.#out.write(`${text}\n`)
  }

  scene(scene: Scene): void {
    this.#scene = scene
    this.#turns = 0
    this.#reasons.clear()
    this.say(`\n${bold(scene.title)}`)
  }

  show(turn: TurnSummary): void {
    this.#remember(turn)
    const isDrawing = this.#out.isTTY
    if (!isDrawing && this.#turns++ % PLAIN_EVERY !== 0) return
    const text = `${table([HEADINGS.map(dim), ...this.#rows(turn)])}\n`
    // The cursor goes back over the table that was drawn before.
    const back = isDrawing && this.#lines > 0 ? `\u001b[${this.#lines}F\u001b[J` : ''
    this.#out.write(back + text)
    this.#lines = text.split('\n').length - 1
  }

  #rows({ decision, observation }: TurnSummary): string[][] {
    const rows = decision.resources.find(({ resource }) => resource === CPU)?.rows ?? []
    const isManaged = decision.resources.length > 0 && rows.some(({ role }) => role === 'managed')
    return rows.map((row) => {
      const goal = decision.goals.find(({ domain }) => domain === row.domain)
      const measured = goal?.status.kind === 'met' || goal?.status.kind === 'missed' ? goal.status : null
      const unit = this.#scene?.goals === 'throughput' ? '/s' : 'ms'
      const value = measured === null ? '' : `${measured.measured.toFixed(0)} ${unit}`
      const state = observation.domains.find(({ name }) => name === row.domain)?.state ?? 'absent'
      return [
        row.domain,
        this.#goalOf(row.domain),
        measured?.kind === 'missed' ? bad(value) : good(value),
        isManaged ? amount(row.allocation, 'millicores') : dim('the kernel shares'),
        row.use === null ? state : amount(row.use, 'millicores'),
        dim(this.#reasons.get(row.domain) ?? ''),
      ]
    })
  }

  #goalOf(domain: DomainName): string {
    if (domain === 'batch') return dim('takes what is left')
    if (domain === 'generator') return dim('measures')
    if (this.#scene === null) return ''
    const { goals, plan } = this.#scene
    const { p95Ms, priority } = plan.services[domain as unknown as ServiceName]
    return goals === 'latency'
      ? `p95 < ${p95Ms} ms, priority ${priority}`
      : `>= ${plan.crossed.perSecond}/s, priority ${priority}`
  }

  #remember({ decision }: TurnSummary): void {
    const rows = decision.resources.find(({ resource }) => resource === CPU)?.rows ?? []
    for (const { domain, settled } of rows)
      if (settled !== null) this.#reasons.set(domain, settleText(settled, 'millicores'))
    if (decision.verdict.kind !== 'changes') return
    for (const { domain, because } of decision.plan) {
      if (domain === null || because.kind !== 'allocation') continue
      const own = 'domain' in because.trigger && because.trigger.domain === domain
      this.#reasons.set(domain, own ? triggerText(because.trigger) : verdictText(decision.verdict))
    }
  }
}

const HEADINGS = ['domain', 'goal', 'measured', 'entitled to', 'uses', 'last reason']
