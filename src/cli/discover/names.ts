import { name as nameSchema } from '#policy/scalar.ts'

/** Names for what was found, each given once. */
export interface Names {
  /** The name itself where a policy can hold it and nothing else has it; null otherwise. */
  keep(wanted: string): string | null
  /** Made of what a policy can hold of it, and a number where something else has that; `noun` for nothing. */
  make(wanted: string, noun: string): string
}

const MADE_MOST = 40

export function createNames(): Names {
  const given = new Set<string>()
  const isFree = (name: string): boolean => nameSchema.safeParse(name).success && !given.has(name)
  return {
    keep(wanted) {
      if (!isFree(wanted)) return null
      given.add(wanted)
      return wanted
    },
    make(wanted, noun) {
      const text = wanted.replace(/[^\w.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '')
      const base = text.slice(0, MADE_MOST).replace(/[^A-Za-z0-9]+$/, '') || noun
      let name = base
      for (let n = 2; !isFree(name); n++) name = `${base}-${n}`
      given.add(name)
      return name
    },
  }
}
