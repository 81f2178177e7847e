import type { Need } from './estimate/estimate.ts'
import type { DomainName, ResourceKey } from './model/ids.ts'

/** Cumulative amounts that each domain asks for of one resource, one per priority class. */
export type RequestRows = ReadonlyMap<DomainName, readonly number[]>

/**
 * Turns needs into rows. An application asks for the largest need of its goals up to a class (a stretch goal only
 * raises later columns); the applications of a domain add up; a row never falls.
 *
 * Worked: one application needs 300 in class 1 and 200 in class 2, another 100 in class 2: the row is 300, 400.
 */
export function requestRows(
  needs: readonly Pick<Need, 'goal' | 'domain' | 'need'>[],
  resource: ResourceKey,
  classes: number,
): RequestRows {
  const applications = new Map<DomainName, Application[]>()
  for (const { goal, domain, need } of needs) {
    const amount = need[resource]
    if (amount === undefined) continue
    const columns = columnsOf(applications, domain, goal.application, classes)
    columns[goal.priority - 1] = Math.max(columns[goal.priority - 1] ?? 0, amount)
  }
  const rows = new Map<DomainName, readonly number[]>()
  for (const [domain, its] of applications) rows.set(domain, sumOf(its, classes))
  return rows
}

interface Application {
  readonly name: string
  readonly columns: number[]
}

function columnsOf(
  applications: Map<DomainName, Application[]>,
  domain: DomainName,
  name: string,
  classes: number,
): number[] {
  let ofDomain = applications.get(domain)
  if (ofDomain === undefined) {
    ofDomain = []
    applications.set(domain, ofDomain)
  }
  const known = ofDomain.find((application) => application.name === name)
  if (known !== undefined) return known.columns
  const columns = new Array<number>(classes).fill(0)
  ofDomain.push({ name, columns })
  return columns
}

function sumOf(applications: readonly Application[], classes: number): number[] {
  const row = new Array<number>(classes).fill(0)
  for (const { columns } of applications) {
    let highest = 0
    for (let index = 0; index < classes; index++) {
      highest = Math.max(highest, columns[index] ?? 0)
      row[index] = (row[index] ?? 0) + highest
    }
  }
  return row
}
