import { DEFAULT_LADDER } from '#core/ladder.ts'
import type { DomainName, ResourceKey } from '#core/model/ids.ts'
import type { Amount, Disposal, HostPolicy, Rung } from '#core/model/policy.ts'
import { family, type Resource } from '#core/model/resource.ts'
import type { WrittenHost } from './entry-schema.ts'
import { amount, fraction, milliseconds } from './values.ts'

/** By the part of the key before `@` and `:`; other resources of the host have one grain, and what is declared none. */
const MINIMUM: Readonly<Record<string, number>> = { cpu: 10, memory: 16 * 2 ** 20 }
const HEADROOM: Readonly<Record<string, Amount>> = { cpu: { fraction: 0.05 }, memory: { fraction: 0.05 } }

/** Where machines are looked for when the policy does not say. */
export const DEFAULT_URIS: readonly string[] = ['qemu:///system']

export function buildHost(written: WrittenHost, resources: readonly Resource[]): HostPolicy {
  return {
    intervalMs: milliseconds(written.interval ?? '1s'),
    mode: written.mode ?? 'advise',
    fairness: written.fairness ?? 'max-min',
    surplus: disposal(written.surplus ?? 'hold'),
    remainder: disposal(written.remainder ?? 'share'),
    headroom: each(resources, written.headroom, amountOrFraction, headroomOf),
    minimum: each(resources, written.minimum, (value, { unit }) => amount(value, unit), minimumOf),
    thresholds: each(
      resources,
      written.thresholds,
      (ladder) => ladder.map(rung),
      () => DEFAULT_LADDER,
    ),
    cooldownMs: milliseconds(written.cooldown ?? '10s'),
    maximumStep: each(resources, written.maximumStep, fraction, () => 1),
    minimumChange: each(
      resources,
      written.minimumChange,
      (value, { unit }) => amount(value, unit),
      () => 0,
    ),
    drift: written.drift ?? 'yield',
    without: written.without ?? [],
    quiet: written.quiet ?? [],
    libvirt: written.libvirt ?? DEFAULT_URIS,
  }
}

/** What is written for a resource, for its family (`memory` for `memory@node0`), or the default. */
function each<Value, Built>(
  resources: readonly Resource[],
  written: Readonly<Record<string, Value>> | undefined,
  convert: (value: Value, resource: Resource) => Built,
  otherwise: (resource: Resource) => Built,
): Record<ResourceKey, Built> {
  const built: Record<string, Built> = {}
  for (const resource of resources) {
    const value = written?.[resource.key] ?? written?.[family(resource.key)]
    built[resource.key] = value === undefined ? otherwise(resource) : convert(value, resource)
  }
  return built
}

function amountOrFraction(value: number | string, { unit }: Resource): Amount {
  return typeof value === 'string' && value.endsWith('%')
    ? { fraction: fraction(value) }
    : { amount: amount(value, unit) }
}

function headroomOf({ key }: Resource): Amount {
  return HEADROOM[family(key)] ?? { amount: 0 }
}

function minimumOf({ key, unit, grain }: Resource): number {
  return MINIMUM[family(key)] ?? (unit === 'count' ? 0 : grain)
}

function rung(written: { difference: string; samples?: number | undefined; lasts?: string | undefined }): Rung {
  const difference = fraction(written.difference)
  return written.lasts === undefined
    ? { difference, samples: written.samples ?? 1 }
    : { difference, lastsMs: milliseconds(written.lasts) }
}

function disposal<Rule extends string>(written: Rule | { default: string[] }): Disposal<Rule> {
  return typeof written === 'string' ? written : { default: written.default as DomainName[] }
}
