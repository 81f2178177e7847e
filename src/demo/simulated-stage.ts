import type { Stage } from './stage.ts'
export function createSimulatedStage(seed: number): Stage {
  throw new Error(`the simulated host is not there yet (${seed})`)
}
