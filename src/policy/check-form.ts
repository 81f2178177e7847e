import { Cron } from 'croner'
import { knownResource } from '#core/model/resource.ts'
import { isGlob } from '#lib/glob.ts'
import { readable } from './build.ts'
import { commandForm } from './check-commands.ts'
import type { WrittenDomain, WrittenGoal } from './entry-schema.ts'
import { absent, type Finding, keyFinding, malformed, type Path, show } from './finding.ts'
import { amount, cpuList } from './values.ts'
import type { Written } from './written.ts'

/** What can be said of one entry read alone, beyond the form of each of its values. */
export function* checkForm(written: Written): Iterable<Finding> {
  for (const [name, domain] of readable(written.domains)) yield* domainForm(name, domain, ['domains', name])
  for (const [name, { cron, zone }] of readable(written.windows)) {
    const zoned = isZone(zone)
    if (!zoned) {
      yield malformed(
        ['windows', name, 'zone'],
        `${show(zone)} is not a time zone`,
        'write for example Europe/Berlin or UTC',
      )
    }
    for (const [index, pattern] of (typeof cron === 'string' ? [cron] : cron).entries()) {
      const path = ['windows', name, 'cron', ...(typeof cron === 'string' ? [] : [index])]
      yield* cronForm(path, pattern)
    }
  }
  yield* ladderForm(written.host)
  for (const [index, goal] of written.goals.entries()) if (goal !== null) yield* goalForm(goal, ['goals', index])
  yield* resourcesForm(written)
}

const PLACES = ['path', 'unit', 'uuid', 'command'] as const
/** Drivers whose domains are found in these ways; every driver finds by name. */
const DRIVER_OF = { path: 'cgroup', unit: 'cgroup', uuid: 'libvirt', command: 'cgroup' } as const
const OF_MACHINES = ['vcpus', 'metadata'] as const
const OF_COMMAND = ['user', 'directory', 'environment'] as const

function* domainForm(name: string, domain: WrittenDomain, path: Path): Iterable<Finding> {
  const places = PLACES.filter((key) => domain[key] !== undefined)
  for (const key of places.slice(1)) {
    yield keyFinding(
      [...path, key],
      `\`${key}\` beside \`${places[0]}\``,
      'a domain is found in one way; keep one of them',
    )
  }
  const { driver = 'cgroup' } = domain
  for (const key of places) {
    if (DRIVER_OF[key] === driver || !Object.values(DRIVER_OF).includes(driver as 'cgroup')) continue
    yield keyFinding([...path, key], `\`${key}\` with the driver ${driver}`, `it is for \`driver: ${DRIVER_OF[key]}\``)
  }
  for (const key of OF_MACHINES) {
    if (domain[key] === undefined || driver !== 'cgroup') continue
    yield keyFinding([...path, key], `\`${key}\` with the driver ${driver}`, 'it is for `driver: libvirt`')
  }
  if (isGlob(name)) {
    for (const key of places) {
      const message = `${show(name)} stands for several domains and cannot have a \`${key}\``
      yield keyFinding([...path, key], message, 'they are found by their names')
    }
  }
  if (domain.command === undefined) {
    for (const key of OF_COMMAND) {
      if (domain[key] === undefined) continue
      const without = absent([...path, key], `\`${key}\` without \`command\``, 'it says how a command is started')
      yield { ...without, at: 'key' }
    }
  } else if (domain.user === undefined) {
    const hint = 'name the user it runs as; Reeve starts nothing as root by default'
    yield absent([...path, 'user'], '`user` is missing beside `command`', hint)
  }
  yield* commandForm(domain, path)
  if (domain.pin !== undefined && cpuList(domain.pin) === null) {
    yield malformed(
      [...path, 'pin'],
      `${show(domain.pin)} has a range that runs backwards`,
      'write the lower CPU first',
    )
  }
  yield* schedulingForm(domain.scheduling, [...path, 'scheduling'])
}

function* schedulingForm(scheduling: WrittenDomain['scheduling'], path: Path): Iterable<Finding> {
  if (scheduling === undefined) return
  const { activity, ...always } = scheduling
  for (const key of activity === undefined ? [] : (Object.keys(always) as (keyof typeof always)[])) {
    yield keyFinding([...path, key], `\`${key}\` beside \`activity\``, 'say it for each activity, or leave that out')
  }
  for (const [doing, rule] of Object.entries(activity ?? {})) {
    if ((rule?.class ?? 'other') === 'other' || rule?.slice === undefined) continue
    yield keyFinding(
      [...path, 'activity', doing, 'slice'],
      `class ${rule.class} has no \`slice\``,
      'only other has one',
    )
  }
  const its = scheduling.class ?? 'other'
  const realTime = its === 'fifo' || its === 'round-robin'
  if (realTime && scheduling.priority === undefined) {
    yield absent(
      [...path, 'priority'],
      `\`priority\` is missing for class ${its}`,
      'expected a whole number from 1 to 99',
    )
  }
  if (!realTime && scheduling.priority !== undefined) {
    yield keyFinding([...path, 'priority'], `class ${its} has no \`priority\``, 'only fifo and round-robin have one')
  }
  if (its !== 'other' && scheduling.slice !== undefined) {
    yield keyFinding([...path, 'slice'], `class ${its} has no \`slice\``, 'only other has one')
  }
}

function* ladderForm(host: Written['host']): Iterable<Finding> {
  for (const [key, ladder] of Object.entries(host.thresholds ?? {})) {
    for (const [index, rung] of ladder.entries()) {
      const path = ['host', 'thresholds', key, index]
      if (rung.samples === undefined && rung.lasts === undefined) {
        yield absent(path, 'the rung does not say how long a difference must last', 'add `samples` or `lasts`')
      } else if (rung.samples !== undefined && rung.lasts !== undefined) {
        yield keyFinding([...path, 'lasts'], '`lasts` beside `samples`', 'keep one of them')
      }
    }
  }
}

const SCOPES = ['domain', 'group', 'all'] as const

function* goalForm(goal: WrittenGoal, path: Path): Iterable<Finding> {
  const scopes = SCOPES.filter((key) => goal[key] !== undefined)
  if (scopes.length === 0) yield absent(path, 'the goal names nobody', 'add `domain`, `group` or `all: true`')
  for (const key of scopes.slice(1)) {
    yield keyFinding([...path, key], `\`${key}\` beside \`${scopes[0]}\``, 'a goal is for one of them; write two goals')
  }
  if (goal.kind === 'performance') {
    if (goal.below === undefined && goal.above === undefined) {
      yield absent(path, 'the goal has no target', 'add `below` or `above`')
    }
    if (goal.below !== undefined && goal.above !== undefined) {
      yield keyFinding([...path, 'above'], '`above` beside `below`', 'a goal has one target; write two goals')
    }
  }
  if (goal.kind === 'fixed' && Object.keys(goal.amounts).length === 0) {
    yield absent([...path, 'amounts'], 'the goal asks for nothing', 'write for example {cpu: 1}')
  }
}

function* resourcesForm(written: Written): Iterable<Finding> {
  for (const [key, resource] of readable(written.resources)) {
    const path = ['resources', key]
    const unit = written.units.get(key)!
    const grain = amount(resource.grain ?? 1, unit)
    if (grain <= 0)
      yield malformed([...path, 'grain'], `${show(resource.grain)} is not a grain`, 'expected more than 0')
    if (resource.capacity === undefined) {
      if (knownResource(key) === undefined) {
        yield absent(
          [...path, 'capacity'],
          '`capacity` is missing',
          `nobody else knows how many ${show(key)} there are`,
        )
      }
    } else if (unit === 'count' && grain > 0 && !isWhole(amount(resource.capacity, unit) / grain)) {
      yield malformed([...path, 'capacity'], `${show(resource.capacity)} is not a whole number of grains of ${grain}`)
    }
  }
}

/** Within a billionth: 0.3 are three grains of 0.1. */
export function isWhole(grains: number): boolean {
  return Math.abs(grains - Math.round(grains)) < 1e-9
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

function* cronForm(path: Path, pattern: string): Iterable<Finding> {
  try {
    // Without a function to call, nothing is scheduled.
    new Cron(pattern, { mode: '5-part', paused: true })
  } catch (error) {
    const reason = /Invalid value for .*/.exec((error as Error).message)?.[0]
    const hint = 'expected minute, hour, day, month and weekday, such as "* 8-17 * * mon-fri"'
    yield malformed(path, `${show(pattern)} is not a cron pattern${reason ? ` (${reason.toLowerCase()})` : ''}`, hint)
  }
}
