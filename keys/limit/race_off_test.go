//go:build !race

package limit

// identities is how many a flood has.
const identities = 1_000_000
