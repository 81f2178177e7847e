import { reasonOf } from '#lib/reason-of.ts'
import { readPolicyFile } from '#policy/read.ts'
import { EXIT, Failure } from './failure.ts'

/** The text of a policy file, by the rules of the daemon: every command takes and refuses the same files. */
export async function policyText(file: string): Promise<string> {
  try {
    return (await readPolicyFile(file)).text
  } catch (cause) {
    throw new Failure(`cannot read the policy ${file}: ${reasonOf(cause)}`, EXIT.configuration, { cause })
  }
}
