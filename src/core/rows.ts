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
export function requestRows(needs: readonly Need[], resource: ResourceKey, classes: number): RequestRows {
  const applications = new Map<DomainName, Map<string, number[]>>()
  for (const { goal, domain, need } of needs) {
    const amount = need[resource]
    if (amount === undefined) continue
    const columns = columnsOf(applications, domain, goal.application, classes)
    columns[goal.priority - 1] = Math.max(columns[goal.priority - 1] ?? 0, amount)
  }
  const rows = new Map<DomainName, readonly number[]>()
  for (const [domain, columnsByApplication] of applications)
    rows.set(domain, sumOf([...columnsByApplication.values()], classes))
  return rows
}

function columnsOf(
  applications: Map<DomainName, Map<string, number[]>>,
  domain: DomainName,
  application: string,
  classes: number,
): number[] {
  const ofDomain = applications.get(domain) ?? new Map<string, number[]>()
  applications.set(domain, ofDomain)
  const columns = ofDomain.get(application) ?? new Array<number>(classes).fill(0)
  ofDomain.set(application, columns)
  return columns
}

function sumOf(applications: readonly number[][], classes: number): number[] {
  const row = new Array<number>(classes).fill(0)
  for (const columns of applications) {
    let highest = 0
    for (let index = 0; index < classes; index++) {
      highest = Math.max(highest, columns[index] ?? 0)
      row[index] = (row[index] ?? 0) + highest
    }
  }
  return row
}
