export function* checkReferences(..._: unknown[]): Iterable<import('./finding.ts').Finding> {}
