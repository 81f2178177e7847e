export function* checkForm(..._: unknown[]): Iterable<import('./finding.ts').Finding> {}
