import { parseCpuList } from '#lib/cpu-list.ts'

/** True where both lists name the same CPUs, however they are written: `0-1,3` and `3,1,0`. */
export function sameCpus(a: string, b: string): boolean {
  const sorted = (text: string) => parseCpuList(text).sort((left, right) => left - right)
  return sorted(a).join() === sorted(b).join()
}
