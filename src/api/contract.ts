import { z } from 'zod'
import type {
  AmountDecision,
  CapacityDecision,
  Change,
  ClassDecision,
  Drift,
  GoalDecision,
  Outcome,
  Verdict,
  Violation,
} from '#core/model/decision.ts'
import type { MetricReading } from '#core/model/observation.ts'
import type { Activity, Aim } from '#core/model/policy.ts'
import type { Capability, Prepared } from '#ports.ts'

/**
 * What is said over the control socket. One definition: the daemon checks requests with it, and the command line and
 * others take its types. Parts of the model go through as they are.
 */

const model = <Type>() => z.custom<Type>(() => true)

const name = z.string().min(1).max(255)
const wholeNumber = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Of a domain, or of a turn, or of a domain in a turn; of neither is the last turn. */
export const explainQuery = z.strictObject({ domain: name.optional(), turn: wholeNumber.optional() })
/** The newest `count` turns that changed something (`all`: any turn), of one domain where it is named. */
export const historyQuery = z.strictObject({
  domain: name.optional(),
  count: wholeNumber.min(1).max(1000).default(20),
  all: z.stringbool().default(false),
})
/** Without a text the policy's file is read again. `file` names where a text comes from, for faults and the status. */
export const reloadBody = z
  .strictObject({
    policy: z
      .string()
      .max(1024 * 1024)
      .optional(),
    file: z.string().min(1).max(4096).optional(),
  })
  .refine(({ policy, file }) => policy !== undefined || file === undefined, {
    path: ['file'],
    message: 'names the origin of a text, and no `policy` is there; send the text of the file',
  })
/** Of a domain: what somebody else set of it is taken back. Of none: everything is managed again. */
export const resumeBody = z.strictObject({ domain: name.optional() })
/** Goals with `onEvent` count for so long from now; 0 ends the event. */
export const eventBody = z.strictObject({
  event: name,
  seconds: z
    .number()
    .min(0)
    .max(31 * 24 * 3600),
})

/**
 * Readings as an application pushes them. The value is checked by hand, after the schema: what is wrong with a number is
 * to be counted for its metric, and JSON has no NaN but writes it in other ways.
 */
export const metricsBody = z.strictObject({
  readings: z
    .array(z.strictObject({ metric: name, domain: name.optional(), value: z.unknown() }))
    .min(1)
    .max(1000),
})

/** A goal's standing with what it aims at; the unit is the metric's, empty where it has none. */
export interface GoalView extends GoalDecision {
  readonly aim: Aim | null
  readonly unit: string
}
const goalStatus = model<GoalView>()

export const domainStatus = z.object({
  name,
  mode: z.enum(['observe', 'advise', 'manage', 'fixed', 'ignored', 'outside']),
  state: z.enum(['running', 'paused', 'ended', 'absent']),
  amounts: z.record(z.string(), model<AmountDecision>()),
  /** What it does most; null where that is not known. */
  activity: model<Activity>().nullable(),
  /** What of its metadata is not followed. */
  refused: z.array(z.string()),
  /** Knobs that it should have and lacks now, each with the reason: what is allocated by them is not in force. */
  lacks: z.record(z.string(), z.string()),
})

export const status = z.object({
  version: z.string(),
  host: z.string(),
  pid: z.number(),
  mode: z.enum(['observe', 'advise', 'manage']),
  paused: z.boolean(),
  policy: z.object({
    /** Where the policy in force comes from; null for a text without a name. */
    file: z.string().nullable(),
    hash: z.string(),
    warnings: z.array(z.string()),
    /** Why the last attempt to take another policy was refused; null where the last attempt went well. */
    refused: z.object({ utcMs: z.number(), faults: z.array(z.string()) }).nullable(),
  }),
  /** The last turn; null before the first. */
  turn: z
    .object({
      turn: z.number(),
      utcMs: z.number(),
      cpuMs: z.number(),
      verdict: model<Verdict>(),
      violations: z.array(model<Violation>()),
      drift: z.array(model<Drift>()),
      outcomes: z.array(model<Outcome>()),
    })
    .nullable(),
  intervalMs: z.number(),
  /** Why turns are not on record, why the last turn could not be made: null where all is well. */
  problems: z.object({ journal: z.string().nullable(), turn: z.string().nullable() }),
  journal: z.object({ path: z.string(), firstTurn: z.number(), lastTurn: z.number() }),
  goals: z.array(goalStatus),
  domains: z.array(domainStatus),
  resources: z.array(
    z.object({
      resource: z.string(),
      unit: z.string(),
      capacity: model<CapacityDecision>(),
      classes: z.array(model<ClassDecision>()),
      unallocated: z.number(),
    }),
  ),
  /** True where the amounts are the advice for domains that are not managed. */
  advice: z.boolean(),
  /**
   * The counts are of readings that were pushed; `problems` say why a metric at which Reeve looks itself has no new
   * reading, and of any metric that it may be stuck, though its readings count. A metric may have both.
   */
  metrics: z.object({
    accepted: z.number(),
    refused: z.number(),
    lastRefusal: z.string().nullable(),
    problems: z.array(z.object({ metric: z.string(), reason: z.string() })),
  }),
  drivers: z.array(z.string()),
  capabilities: z.array(model<Capability>()),
  prepared: z.array(model<Prepared>()),
})

export const reloadResult = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), hash: z.string(), changed: z.boolean(), warnings: z.array(z.string()) }),
  z.object({
    ok: z.literal(false),
    kind: z.enum(['unreadable', 'malformed', 'infeasible']),
    faults: z.array(z.string()),
  }),
])

export const releasedSetting = z.object({
  node: z.string(),
  knob: z.string(),
  domain: z.string().nullable(),
  original: z.union([z.number(), z.string(), z.null()]),
  result: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('restored') }),
    z.object({ kind: z.literal('was-so') }),
    z.object({ kind: z.literal('gone') }),
    z.object({ kind: z.literal('replaced') }),
    z.object({ kind: z.literal('changed-by-others'), found: z.union([z.number(), z.string(), z.null()]) }),
    z.object({ kind: z.literal('failed'), message: z.string() }),
  ]),
})
export const releaseReport = z.object({ settings: z.array(releasedSetting) })

/** One turn, told from its inputs to its outcomes, whole or for one domain. */
export const explanation = z.object({
  turn: z.number(),
  utcMs: z.number(),
  host: z.string(),
  policyHash: z.string(),
  domain: z.string().nullable(),
  verdict: model<Verdict>(),
  violations: z.array(model<Violation>()),
  drift: z.array(model<Drift>()),
  /** Knobs that domains should have and lack, with the reason. */
  lacks: z.array(z.object({ domain: z.string(), knob: z.string(), reason: z.string() })),
  /** Whether the same decision came out when it was made again from the record; null where another version made it. */
  decidedAgain: z.boolean().nullable(),
  /** Domains that a quota (millicores) holds back, so that others get what they are owed. */
  restrained: z.array(z.object({ domain: z.string(), quota: z.number() })),
  goals: z.array(goalStatus),
  readings: z.array(model<MetricReading>()),
  amounts: z.array(
    z.object({
      resource: z.string(),
      unit: z.string(),
      row: model<AmountDecision>(),
      capacity: model<CapacityDecision>(),
      classes: z.array(model<ClassDecision>()),
      advice: z.boolean(),
    }),
  ),
  changes: z.array(z.object({ change: model<Change>(), outcome: model<Outcome>().nullable() })),
  /** For a domain: the last turn before this one that changed something of it. */
  lastChangedTurn: z.number().nullable(),
})

export const historyEntry = z.object({
  turn: z.number(),
  utcMs: z.number(),
  verdict: model<Verdict>(),
  changes: z.array(z.object({ change: model<Change>(), outcome: model<Outcome>().nullable() })),
})
export const history = z.object({ turns: z.array(historyEntry) })

export const planReport = z.object({
  /** `last-turn` is what the daemon decided last; `dry-run` was decided for showing only, and nothing carries it out. */
  kind: z.enum(['last-turn', 'dry-run']),
  turn: z.number(),
  verdict: model<Verdict>(),
  plan: z.array(model<Change>()),
  advice: z.array(model<Change>()),
})

export const eventReport = z.object({ event: name, endsUtcMs: z.number() })

export const pushed = z.object({ accepted: z.number() })

export type EventReport = z.infer<typeof eventReport>
export type Status = z.infer<typeof status>
export type DomainStatus = z.infer<typeof domainStatus>
export type ReloadResult = z.infer<typeof reloadResult>
export type ReleaseReport = z.infer<typeof releaseReport>
export type ReleasedSetting = z.infer<typeof releasedSetting>
export type Explanation = z.infer<typeof explanation>
export type History = z.infer<typeof history>
export type HistoryEntry = z.infer<typeof historyEntry>
export type PlanReport = z.infer<typeof planReport>
export type ReloadBody = z.infer<typeof reloadBody>
export type HistoryQuery = z.infer<typeof historyQuery>
export type ExplainQuery = z.infer<typeof explainQuery>
