//go:build race

package limit

// identities is how many a flood has: the race detector makes a million of them slow.
const identities = 50_000
