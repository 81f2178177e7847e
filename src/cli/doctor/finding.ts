/** One thing that was tried; `needed` says whether Reeve can do nothing without it. */
export interface Finding {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** null where there is nothing to do about it. */
  readonly remedy: string | null
  readonly needed: boolean
}

export function fine(name: string, detail: string): Finding {
  return { name, ok: true, detail, remedy: null, needed: false }
}

export function lacking(name: string, detail: string, remedy: string | null, needed = false): Finding {
  return { name, ok: false, detail, remedy, needed }
}
