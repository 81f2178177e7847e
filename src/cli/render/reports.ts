import type { History, PlanReport, ReleasedSetting, ReleaseReport, ReloadResult } from '#api/contract.ts'
import type { Change, Verdict } from '#core/model/decision.ts'
import { changeReasonText, changeText, outcomeText, verdictText } from './reasons.ts'
import { attention, bad, bold, dim, good } from './style.ts'
import { counted, setting, time } from './units.ts'

/** The shorter answers, each rendered from the data that `--json` prints. */

export function renderHistory({ turns }: History): string {
  if (turns.length === 0) return 'Nothing was changed in the turns on record.'
  return turns
    .map(({ turn, utcMs, verdict, changes }) => {
      const lines = changes.map(({ change, outcome }) => {
        const result = outcome?.status === 'applied' ? good(outcomeText(outcome)) : attention(outcomeText(outcome))
        return `  ${changeText(change)} (${result})${ownReason(change, verdict)}`
      })
      return [`${bold(`turn ${turn}`)}  ${time(utcMs)}  ${verdictText(verdict)}`, ...lines].join('\n')
    })
    .join('\n')
}

/** Why a change was made of which the turn's first line says nothing: that names only what was off. */
function ownReason({ because }: Change, verdict: Verdict): string {
  const isToldAbove = verdict.kind === 'changes' && verdict.triggers.length > 0
  if (isToldAbove && (because.kind === 'allocation' || because.kind === 'hierarchy')) return ''
  return `, because ${changeReasonText(because)}`
}

export function renderPlan({ kind, turn, verdict, plan, advice }: PlanReport): string {
  const head =
    kind === 'dry-run'
      ? bold('This is a dry run: decided with the real code from two looks at this host, and nothing was set.')
      : bold(`What the daemon decided in turn ${turn}.`)
  return [
    head,
    `${verdictText(verdict)}.`,
    ...section('The plan:', plan),
    ...section('Advice for domains that are not managed:', advice),
  ].join('\n')
}

function section(title: string, changes: readonly Change[]): string[] {
  if (changes.length === 0) return []
  return [
    '',
    `${title} ${counted(changes.length, 'change')}`,
    ...changes.map(
      (change, i) => `${String(i + 1).padStart(3)}. ${changeText(change)}, ${changeReasonText(change.because)}`,
    ),
  ]
}

export function renderRelease({ settings }: ReleaseReport): string {
  if (settings.length === 0) return 'Reeve has changed no setting that is still to be put back.'
  return settings.map((its) => `${its.knob} of ${its.node}: ${releaseResult(its)}`).join('\n')
}

function releaseResult({ result, original, knob }: ReleasedSetting): string {
  switch (result.kind) {
    case 'restored':
      return good(`back at ${setting(knob, original)}`)
    case 'was-so':
      return `is at ${setting(knob, original)} already`
    case 'gone':
      return dim('is gone')
    case 'replaced':
      return dim('skipped: something else has that name now')
    case 'changed-by-others':
      return attention(`skipped: somebody else set ${setting(knob, result.found)} since`)
    case 'failed':
      return bad(result.message)
  }
}

export function renderReload(result: ReloadResult): string {
  if (result.ok) {
    const what = result.changed ? `Policy ${result.hash.slice(0, 12)} is in force.` : 'The policy has not changed.'
    return [what, ...result.warnings.map((warning) => attention(warning))].join('\n')
  }
  return [bad(`The policy is ${result.kind}; the one before stays in force:`), ...result.faults].join('\n')
}
