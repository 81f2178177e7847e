import type { DomainMetadata } from '#core/model/observation.ts'
import type { MetadataPolicy, Policy } from '#core/model/policy.ts'
import type { Resource } from '#core/model/resource.ts'
import { amountIn } from '#policy/scalar.ts'
import { amount, CPU_LIST, cpuList } from '#policy/values.ts'
import type { Words } from '#ports.ts'

const NOTHING: DomainMetadata = { groups: [], ignore: false, pin: null, limits: {}, refused: [] }
const LIMIT = /^(.+)-limit$/
/** A word of the domain's own that is quoted in what is said of it. */
const quoted = (text: string): string => JSON.stringify(text.slice(0, 40))

/**
 * What a domain's own words ask for, made of them where they are as a policy would have them; the rest is refused, and
 * said. Nobody vouches for them: whatever they are, they are read by the strictest rule there is.
 */
export function readMetadata(
  words: Words,
  allowed: MetadataPolicy,
  { resources }: Pick<Policy, 'resources'>,
): DomainMetadata {
  if (typeof words === 'string') return { ...NOTHING, refused: [words] }
  const refused: string[] = []
  const limits: Record<string, number> = {}
  let groups: readonly string[] = []
  let ignore = false
  let pin: readonly number[] | null = null
  for (const [key, text] of Object.entries(words)) {
    const limited = LIMIT.exec(key)?.[1]
    if (key === 'group') {
      groups = text.split(/[ ,]+/).filter((word) => word !== '')
      const unknown = groups.filter((group) => !allowed.groups.includes(group))
      if (unknown.length > 0) refused.push(`the policy allows it no group ${unknown.map(quoted).join(', ')}`)
    } else if (key === 'ignore') {
      ignore = text === 'yes'
      if (!ignore) refused.push(`ignore is ${quoted(text)}, and only yes means anything`)
      else if (!allowed.ignore) refused.push('the policy does not allow it to be ignored')
    } else if (key === 'pin') {
      pin = CPU_LIST.test(text) ? cpuList(text) : null
      if (pin === null) refused.push(`pin is ${quoted(text)}, which is no list of CPUs`)
      else if (!allowed.pin) refused.push('the policy does not allow it to pin itself')
    } else if (limited !== undefined) {
      const resource = resources.find((one) => one.key === limited)
      const value = resource === undefined ? null : read(text, resource.unit)
      if (resource === undefined) refused.push(`${quoted(key)} is of no resource that is controlled`)
      else if (value === null) refused.push(`${quoted(key)} is ${quoted(text)}, which is no amount`)
      else if (!allowed.limit) refused.push('the policy does not allow it to limit itself')
      else limits[limited] = value
    } else refused.push(`${quoted(key)} means nothing; group, ignore, pin and RESOURCE-limit do`)
  }
  return { groups: groups.filter((group) => allowed.groups.includes(group)), ignore, pin, limits, refused }
}

function read(text: string, unit: Resource['unit']): number | null {
  const written = /^[\d.]+$/.test(text) ? Number(text) : text
  return amountIn(unit).safeParse(written).success ? amount(written, unit) : null
}
