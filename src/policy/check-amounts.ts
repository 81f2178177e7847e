export function* checkAmounts(..._: unknown[]): Iterable<import('./finding.ts').Finding> {}
