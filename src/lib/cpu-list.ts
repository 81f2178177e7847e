/** CPUs of a kernel list such as `0-2,5`, in its order; empty for an empty one. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter(Boolean)
    .flatMap((part) => {
      const [first, last] = part.split('-').map(Number) as [number, number?]
      return Array.from({ length: (last ?? first) - first + 1 }, (_, index) => first + index)
    })
}
