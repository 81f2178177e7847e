/** Where the daemon says what people should know. Nothing in it is needed to understand a decision: that is the journal. */
export interface Log {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

export const SILENT: Log = { info() {}, warn() {}, error() {} }
