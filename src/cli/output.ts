/** Data for programs, or the text that it is rendered to for people: the same data in both. */
export function print<Data>(
  data: Data,
  render: (data: Data) => string,
  { json = false }: { readonly json?: boolean },
): void {
  process.stdout.write(`${json ? JSON.stringify(data, null, 2) : render(data)}\n`)
}
