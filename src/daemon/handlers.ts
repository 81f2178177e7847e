import type { ApiHandlers } from '#api/server.ts'
import { domainAround, groupsOf } from '#monitors/peer.ts'
import type { Pusher } from '#monitors/push-source.ts'
import { RefusedReading } from '#monitors/push-source.ts'
import { refuse } from '#monitors/reading.ts'
import type { Control } from './control.ts'
import type { JournalReader } from './journal/reader.ts'
import type { Metrics } from './metrics.ts'
import { explain, history, lastPlan } from './views.ts'

/** What the sockets can ask for, answered by the parts of the daemon. */
export function apiHandlers(
  control: Control,
  journal: JournalReader,
  { push, tally }: Metrics,
  wake: () => void,
): ApiHandlers {
  /** Being inside a domain counts for more than being root: a container's root is not the operator. */
  function pusherOf(caller: Parameters<ApiHandlers['push']>[1]): Pusher {
    if (caller.kind === 'operator') return { kind: 'operator' }
    const { peer } = caller
    const domain = peer === null ? null : domainAround(groupsOf(peer.pid), control.domains)
    if (domain !== null) return { kind: 'domain', domain }
    if (peer !== null && (peer.uid === 0 || peer.uid === process.getuid?.())) return { kind: 'operator' }
    const reason =
      'readings are taken from processes inside a domain of the policy, and this one is in none: send from inside one, or as root, with "domain"'
    refuse(tally, reason)
    throw new RefusedReading(reason)
  }

  return {
    status: () => control.status(),
    explain: (query) => explain(journal, query),
    history: (query) => history(journal, query),
    plan: () => lastPlan(journal),
    reload: async ({ policy, file }) => {
      const result = await control.reload(policy, file)
      if (result.ok && result.changed) wake()
      return result
    },
    pause: () => control.pause(),
    resume(domain) {
      if (domain === null) control.resume()
      else control.reclaim(domain)
      wake()
      return { paused: control.isPaused }
    },
    release: () => control.release(),
    event(name, seconds) {
      const report = control.event(name, seconds)
      wake()
      return report
    },
    push(readings, caller) {
      push.push(readings, pusherOf(caller))
      return { accepted: readings.length }
    },
    refused: (reason) => refuse(tally, reason),
  }
}
