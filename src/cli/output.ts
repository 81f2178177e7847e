/**
 * Ends the process without a word when whoever reads its standard output has gone, as `reeve schema | head` does. A
 * command that has to put things away first listens to SIGPIPE and ends by itself.
 */
export function endWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (!process.emit('SIGPIPE')) process.exit()
  })
}

/** Data for programs, or the text that it is rendered to for people: the same data in both. */
export function print<Data>(
  data: Data,
  render: (data: Data) => string,
  { json = false }: { readonly json?: boolean },
): void {
  process.stdout.write(`${json ? JSON.stringify(data, null, 2) : render(data)}\n`)
}
