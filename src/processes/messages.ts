import type { Surroundings } from '#ports.ts'

/** What Reeve and its helper say to each other: one ask has one id, and is answered once. */

export type Argv = readonly [program: string, ...args: string[]]

/** To be run to its end, in a process group of its own of which nothing is left then. */
export interface ToRun {
  readonly argv: Argv
  /** What is not said is as the helper has it. */
  readonly surroundings: Partial<Surroundings>
  readonly input?: string
  /** `own` for what Reeve itself waits for; what a policy names is `ordinary`. */
  readonly standing: 'own' | 'ordinary'
  /** It fails when it prints more than this. */
  readonly bytesMost: number
}

/** To be started, and to outlive Reeve. It reads from descriptor 3, and only a `go` gives it something to read. */
export interface ToStart {
  readonly argv: Argv
  readonly surroundings: Surroundings
  /** The file to which it prints. */
  readonly output: string
}

export type Ask =
  | { readonly id: number; readonly run: ToRun }
  | { readonly id: number; readonly start: ToStart }
  /** To what was asked with that id. */
  | { readonly id: number; readonly go: true }
  | { readonly id: number; readonly end: true }

export interface Ended {
  readonly stdout: string
  readonly stderr: string
  /** null where a signal ended it. */
  readonly code: number | null
  readonly signal: string | null
}

export type Answer =
  | { readonly id: number; readonly ended: Ended }
  | { readonly id: number; readonly pid: number }
  | { readonly id: number; readonly failed: { readonly message: string; readonly code: string | undefined } }
