import type { Layout } from '#drivers/cgroup/layout.ts'
import { DOMAINS } from './cast.ts'
import { type PathOf, settingsOf } from './settings.ts'

const LOOK_MS = 100

/** When a domain's settings were seen to be others than before, whoever changed them; all at one look are one change. */
export interface Watch {
  readonly changes: readonly { readonly atMs: number; readonly domain: string }[]
  stop(): void
}

export function watchSettings(layout: Layout, pathOf: PathOf): Watch {
  const changes: { atMs: number; domain: string }[] = []
  const last = new Map<string, string>()
  const look = (): void => {
    for (const domain of DOMAINS) {
      const now = settingsOf(layout, pathOf(domain))
      const before = last.get(domain)
      if (before !== undefined && before !== now) changes.push({ atMs: Date.now(), domain })
      last.set(domain, now)
    }
  }
  look()
  const timer = setInterval(look, LOOK_MS)
  return { changes, stop: () => clearInterval(timer) }
}
