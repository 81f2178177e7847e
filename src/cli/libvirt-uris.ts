import { DEFAULT_URIS } from '#policy/build-host.ts'
import { parsePolicy } from '#policy/parse.ts'
import { libvirtUri } from '#policy/scalar.ts'
import { EXIT, Failure } from './failure.ts'

/** Those that `--libvirt` names. @throws {Failure} where one cannot stand in a policy. */
export function namedUris(named: readonly string[]): readonly string[] {
  for (const uri of named) {
    const { success, error } = libvirtUri.safeParse(uri)
    if (!success) {
      throw new Failure(`--libvirt wants ${error.issues[0]?.message}, not ${JSON.stringify(uri)}`, EXIT.usage)
    }
  }
  return [...new Set(named)]
}

/** The connections on which a policy looks for machines; the default for none, and for one that cannot be read. */
export function urisOf(policyText: string | null): readonly string[] {
  if (policyText === null) return DEFAULT_URIS
  const parsed = parsePolicy(policyText, { file: 'policy' })
  return parsed.ok ? parsed.policy.host.libvirt : DEFAULT_URIS
}
