// Package apikey makes, reads and verifies API keys: a checksummed format that scanners
// find, a keyed hash at rest, and the whole index in memory.
package apikey
