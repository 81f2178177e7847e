import type { GoalMemory } from '#core/model/knowledge.ts'
import { remembered } from './estimator.ts'

/** What was wanted counts for so long at least, and for twice as long at most. */
const WINDOW_MS = 30_000

/** The most of the window under way and of the one before it, as an estimator remembers it. */
export type Window = { readonly now: number; readonly before: number; readonly sinceMs: number }

/**
 * Takes one more amount in; empty memory begins a window. The larger of the two is the most of the last 30 to 60 s: it
 * rises at once, falls late, and does not follow the noise of a steady load. Source: the peak of a window is one of the
 * recommenders of Autopilot (EuroSys 2020).
 */
export function windowed(memory: GoalMemory, wanted: number, nowMs: number): Window {
  const now = remembered(memory, 'now') ?? 0
  const sinceMs = remembered(memory, 'sinceMs') ?? nowMs
  // A goal that was closed for a while begins anew.
  if (nowMs - sinceMs >= 2 * WINDOW_MS) return { now: wanted, before: 0, sinceMs: nowMs }
  if (nowMs - sinceMs >= WINDOW_MS) return { now: wanted, before: now, sinceMs: nowMs }
  return { now: Math.max(now, wanted), before: remembered(memory, 'before') ?? 0, sinceMs }
}

export function mostOf({ now, before }: Window): number {
  return Math.max(now, before)
}
