import type { DomainPolicy } from '#core/model/policy.ts'
import { inTime } from '#lib/in-time.ts'
import type { Words } from '#ports.ts'
import type { Connection } from './connection.ts'
import type { Named } from './inventory.ts'

/** The namespace of a domain's metadata that is meant for Reeve. */
const NAMESPACE = 'urn:reeve:v1'

const LENGTH_MOST = 2048
/** libvirt has it at hand. */
const PATIENCE_MS = 1000
const ATTRIBUTE = /\s+([A-Za-z][\w.:-]*)=(?:"([^"<&]*)"|'([^'<&]*)')/g
const ELEMENT = /^<[\w.:-]+(?:\s+[A-Za-z][\w.:-]*=(?:"[^"<&]*"|'[^'<&]*'))*\s*\/>$/

/** What domains say of themselves, by group, where the policy listens. */
export class HeardWords {
  #heard: ReadonlyMap<string, Words | null> = new Map()

  /** null where it says nothing. */
  of(path: string): Words | null {
    return this.#heard.get(path) ?? null
  }

  /** Whether it may be outside by its own word, and has not been heard yet. */
  isDue(path: string, { metadata }: DomainPolicy): boolean {
    return metadata?.ignore === true && !this.#heard.has(path)
  }

  /** Asks all that the policy listens to. What a connection does not tell now is what it told last. */
  async listen(managed: readonly Named[]): Promise<void> {
    const heard = new Map<string, Words | null>()
    for (const { guest, policy } of managed) {
      if (policy.metadata === null) continue
      const asking = guest.link.use((connection) => wordsOf(connection, guest.uuid))
      const words = await inTime(asking, AbortSignal.timeout(PATIENCE_MS)).catch(() => this.#heard.get(guest.path))
      if (words !== undefined) heard.set(guest.path, words)
    }
    this.#heard = heard
  }
}

/** Outside by the policy, or by its own word where the policy lets it. */
export function isIgnored({ role, metadata }: DomainPolicy, words: Words | null): boolean {
  return role === 'ignored' || (metadata?.ignore === true && typeof words === 'object' && words?.['ignore'] === 'yes')
}

/** null where it says nothing. @throws {LibvirtError} */
async function wordsOf(connection: Connection, uuid: string): Promise<Words | null> {
  const text = await connection.metadata(uuid, NAMESPACE)
  return text === null ? null : parseWords(text)
}

/** `<domain group="web" pin="0-1"/>` says `group` and `pin`. */
export function parseWords(text: string): Words {
  const element = text.trim()
  if (element.length > LENGTH_MOST) return `it has more than ${LENGTH_MOST} characters`
  if (!ELEMENT.test(element)) return 'it is not one empty element with plain attributes, such as <domain group="web"/>'
  const words: Record<string, string> = {}
  for (const [, name, quoted, single] of element.matchAll(ATTRIBUTE)) {
    if (name !== undefined && !name.startsWith('xmlns')) words[name] = quoted ?? single ?? ''
  }
  return words
}
