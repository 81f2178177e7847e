/** Problems for the tests of this folder: from the JSON of the worked cases, and random ones from a seed. */
import type { Fairness, Problem, RemainderRule, SurplusRule } from '#core/arbitrate/problem.ts'
import type { DomainText, ProblemText } from '#test/arbiter/problems.ts'

/** As `parseSolveProblem` reads it, which refuses what a checker must see: capacity that does not cover the starts. */
export function problemOf(stated: ProblemText): Problem {
  const flat: { domain: DomainText; parent: number }[] = []
  const walk = (domains: readonly DomainText[], parent: number) => {
    for (const domain of domains) {
      flat.push({ domain, parent })
      walk(domain.domains ?? [], flat.length - 1)
    }
  }
  walk(stated.domains, -1)
  const count = flat.length
  const classes = Math.max(0, ...flat.map(({ domain }) => domain.requests?.length ?? 0))
  const requests = new Float64Array(classes * count)
  for (const [i, { domain }] of flat.entries()) {
    for (let k = 0; k < classes; k++) requests[k * count + i] = domain.requests?.[k] ?? domain.requests?.at(-1) ?? 0
  }
  const column = (read: (domain: DomainText) => number) => Float64Array.from(flat, ({ domain }) => read(domain))
  return {
    capacity: stated.capacity,
    minimum: stated.minimum ?? 0,
    fairness: stated.fairness ?? 'max-min',
    surplus: stated.surplus ?? 'hold',
    remainder: stated.remainder ?? 'share',
    count,
    classes,
    ids: flat.map(({ domain }) => domain.id),
    parent: Int32Array.from(flat, ({ parent }) => parent),
    requests,
    weight: column((domain) => domain.weight ?? (domain.domains ? NaN : 1)),
    reservation: column((domain) => domain.reservation ?? NaN),
    own: column((domain) => domain.own ?? NaN),
    lend: Uint8Array.from(flat, ({ domain }) => (domain.lend === false ? 0 : 1)),
    borrow: Uint8Array.from(flat, ({ domain }) => (domain.borrow === false ? 0 : 1)),
    limit: column((domain) => domain.limit ?? Infinity),
  }
}

export type Random = () => number

/** Mulberry32: numbers in [0, 1) from a 32-bit seed, the same on every machine. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const FAIRNESS: readonly Fairness[] = ['max-min', 'satisfy-most', 'proportional']

/** Trees with owners, limits and all rules; one in fifteen has too little capacity even for the starts. */
export function randomProblem(random: Random): ProblemText {
  const classes = 1 + Math.floor(random() * 5)
  const domains = randomDomains(random, classes, 1 + Math.floor(random() * 7), 0, { next: 0 })
  const amounts = domains.reduce((sum, domain) => sum + highest(domain), 0)
  const starts = domains.reduce((sum, domain) => sum + startOf(domain, 0.1), 0)
  const enough = starts + random() ** 1.5 * 1.6 * amounts
  const named = () => [pick(random, domains).id, `d${Math.floor(random() * 12)}`]
  return {
    capacity: random() < 1 / 15 ? starts * random() : enough,
    minimum: 0.1,
    fairness: pick(random, FAIRNESS),
    surplus: pick<SurplusRule>(random, ['hold', 'spread', 'equal', { default: named() }]),
    remainder: random() < 0.8 ? 'share' : pick<RemainderRule>(random, ['hold', { default: named() }]),
    domains,
  }
}

function randomDomains(
  random: Random,
  classes: number,
  count: number,
  depth: number,
  ids: { next: number },
): DomainText[] {
  const domains: DomainText[] = []
  for (let i = 0; i < count; i++) {
    const id = `d${ids.next++}`
    const parent = depth < 2 && random() < 0.2
    domains.push(
      parent
        ? randomParent(random, id, randomDomains(random, classes, 1 + Math.floor(random() * 4), depth + 1, ids))
        : randomLeaf(random, id, classes),
    )
  }
  return domains
}

function randomParent(random: Random, id: string, domains: readonly DomainText[]): DomainText {
  const start = domains.reduce((sum, domain) => sum + startOf(domain, 0.1), 0)
  const reservation = random() < 0.25 ? decimal(random() * 6) : undefined
  return {
    id,
    domains,
    ...(random() < 0.5 && { weight: pick(random, [0.5, 1, 2, 5]) }),
    ...(reservation !== undefined && { reservation }),
    ...(random() < 0.3 && { limit: decimal(Math.max(start, reservation ?? 0) + 0.01 + random() * 20) }),
  }
}

function randomLeaf(random: Random, id: string, classes: number): DomainText {
  let sum = 0
  const requests = Array.from({ length: 1 + Math.floor(random() * classes) }, () => {
    sum += random() < 0.7 ? decimal(random() * 8) : 0
    return decimal(random() < 0.1 ? sum * random() : sum)
  })
  const reservation = random() < 0.25 ? decimal(random() * 3) : undefined
  const own = random() < 0.3 ? decimal((reservation ?? 0) + random() * 5) : undefined
  const floor = Math.max(reservation ?? 0.1, own ?? 0)
  return {
    id,
    requests,
    ...(random() < 0.5 && { weight: pick(random, [0.5, 1, 2, 3, 10]) }),
    ...(reservation !== undefined && { reservation }),
    ...(own !== undefined && { own, lend: random() < 0.7, borrow: random() < 0.7 }),
    ...(random() < 0.4 && { limit: decimal(floor + 0.01 + random() * 15) }),
  }
}

function startOf(domain: DomainText, minimum: number): number {
  if (!domain.domains) return domain.reservation ?? minimum
  const ofChildren = domain.domains.reduce((sum, child) => sum + startOf(child, minimum), 0)
  return Math.max(domain.reservation ?? 0, ofChildren)
}

function highest(domain: DomainText): number {
  if (domain.domains) return domain.domains.reduce((sum, child) => sum + highest(child), 0)
  return Math.max(domain.own ?? 0, ...(domain.requests ?? []))
}

function decimal(amount: number): number {
  return Math.round(amount * 100) / 100
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!
}
