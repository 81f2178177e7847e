import { CAPACITY, DOMAINS, type Service, slackOf, type Terms } from '../cast.ts'
import { type ByService, byService, type Controller, LEAST, withJobs } from './control.ts'

/**
 * A controller after PARTIES (Chen, Delimitrou, Martinez, ASPLOS 2019): every 500 ms it moves one unit of one resource.
 * The service with the least slack, if that is under 5 %, gets a unit: of what is not allocated, else of the service
 * with the most slack. An upsizing that did not help goes on with the next resource. Where no service is short, the one
 * with the most slack, if that is above 20 %, gives a unit back; if that makes any service short, it is undone, and that
 * service is left alone for 10 s. Services start with equal parts, and best-effort jobs have what is not allocated. It
 * knows no priorities. Resources here are CPU and, where it is short, memory for files.
 */
export const PARTIES: Controller<PartiesState> = { intervalMs: 500, begin, reload, next, settings }

const SHORT = 0.05
const AMPLE = 0.2
/** Of the paper's about fourteen cores a service is given one at a time; here a twentieth of the capacity. */
const UNITS = 20
/** After a downsizing that had to be undone, in intervals. */
const REST = 20

type Resource = 'cpu' | 'files'
const RESOURCES: readonly Resource[] = ['cpu', 'files']

export interface PartiesState {
  /** Capacity of each resource; none of files where memory is not short. */
  readonly capacity: Readonly<Record<Resource, number>>
  readonly parts: Readonly<Record<Resource, ByService>>
  /** What a service is being resized by. */
  readonly turn: Readonly<Record<Service, Resource>>
  readonly rest: ByService
  /** What was done in the interval before, to be judged now. */
  readonly done: { readonly kind: 'up' | 'down'; readonly service: Service; readonly slack: number } | null
}

function begin(terms: Terms): PartiesState {
  const services = terms.goals.map(({ service }) => service)
  const others = DOMAINS.length - services.length
  const capacity = { cpu: CAPACITY - others * LEAST, files: terms.fileBytes ?? 0 }
  const equal = (resource: Resource): ByService =>
    byService((service) => (services.includes(service) ? capacity[resource] / services.length : leastOf(resource)))
  return {
    capacity,
    parts: { cpu: equal('cpu'), files: equal('files') },
    turn: { shop: 'cpu', api: 'cpu', search: 'cpu', store: 'cpu' },
    rest: byService(() => 0),
    done: null,
  }
}

/** Other targets are met from where it stands; other services or another memory are another beginning. */
function reload(state: PartiesState, terms: Terms): PartiesState {
  const fresh = begin(terms)
  const isSame =
    fresh.capacity.files === state.capacity.files &&
    terms.goals.every(({ service }) => state.parts.cpu[service] > leastOf('cpu'))
  return isSame ? { ...state, done: null } : fresh
}

function next(before: PartiesState, terms: Terms, readings: Parameters<typeof slackOf>[1]): PartiesState {
  const slacks = terms.goals.flatMap((goal) => {
    const slack = slackOf(goal, readings)
    return slack === null ? [] : [{ service: goal.service, slack }]
  })
  if (slacks.length === 0) return before
  const ordered = slacks.toSorted((one, other) => one.slack - other.slack)
  const tightest = ordered[0] as (typeof ordered)[number]
  const state = judged(before, ordered, tightest.slack < SHORT)
  if (tightest.slack < SHORT) return upsize(state, tightest, ordered.toReversed())
  const ample = ordered.findLast(({ service, slack }) => slack > AMPLE && state.rest[service] === 0)
  return ample === undefined ? state : downsize(state, ample)
}

interface Slack {
  readonly service: Service
  readonly slack: number
}

/** What became of the last step: an upsizing without effect moves on to the next resource, a harmful downsizing is undone. */
function judged(before: PartiesState, slacks: readonly Slack[], isShort: boolean): PartiesState {
  const rested = { ...before, rest: byService((service) => Math.max(0, before.rest[service] - 1)), done: null }
  const { done } = before
  if (done === null) return rested
  const now = slacks.find(({ service }) => service === done.service)?.slack ?? 0
  if (done.kind === 'up') return now > done.slack ? rested : turned(rested, done.service)
  if (!isShort) return rested
  const resource = rested.turn[done.service]
  const back = moved(rested, resource, done.service, unitOf(rested, resource))
  return turned({ ...back, rest: { ...back.rest, [done.service]: REST } }, done.service)
}

function upsize(state: PartiesState, { service, slack }: Slack, bySlack: readonly Slack[]): PartiesState {
  for (const _ of RESOURCES) {
    const resource = state.turn[service]
    const unit = unitOf(state, resource)
    const isFree = freeOf(state, resource) >= unit && unit > 0
    const victim = bySlack.find((other) => other.service !== service && canGive(state, resource, other.service))
    if (isFree || victim !== undefined) {
      const from = isFree || victim === undefined ? state : moved(state, resource, victim.service, -unit)
      return { ...moved(from, resource, service, unit), done: { kind: 'up', service, slack } }
    }
    state = turned(state, service)
  }
  return state
}

function downsize(state: PartiesState, { service, slack }: Slack): PartiesState {
  for (const _ of RESOURCES) {
    const resource = state.turn[service]
    if (canGive(state, resource, service)) {
      return { ...moved(state, resource, service, -unitOf(state, resource)), done: { kind: 'down', service, slack } }
    }
    state = turned(state, service)
  }
  return state
}

const unitOf = (state: PartiesState, resource: Resource): number => state.capacity[resource] / UNITS
const leastOf = (resource: Resource): number => (resource === 'cpu' ? LEAST : 0)

/** Services without a goal have the least beside what is divided here. */
function freeOf({ capacity, parts }: PartiesState, resource: Resource): number {
  const given = Object.values(parts[resource]).filter((part) => part > leastOf(resource))
  return capacity[resource] - given.reduce((sum, part) => sum + part, 0)
}

function canGive(state: PartiesState, resource: Resource, service: Service): boolean {
  const unit = unitOf(state, resource)
  return unit > 0 && state.parts[resource][service] - unit >= leastOf(resource)
}

function moved(state: PartiesState, resource: Resource, service: Service, by: number): PartiesState {
  const parts = { ...state.parts[resource], [service]: state.parts[resource][service] + by }
  return { ...state, parts: { ...state.parts, [resource]: parts } }
}

function turned(state: PartiesState, service: Service): PartiesState {
  const other: Resource = state.turn[service] === 'cpu' ? 'files' : 'cpu'
  return { ...state, turn: { ...state.turn, [service]: other } }
}

function settings(state: PartiesState) {
  return { cpu: withJobs(state.parts.cpu), scanFileBytes: state.capacity.files > 0 ? freeOf(state, 'files') : null }
}
