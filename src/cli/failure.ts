/** Exit codes, the same for all commands; 78 is EX_CONFIG of sysexits.h. */
export const EXIT = { ok: 0, failure: 1, usage: 2, configuration: 78 } as const

/** A command that cannot do what was asked: the message is all that people see, so it says what to do. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: number

  constructor(message: string, exitCode: number = EXIT.failure, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
