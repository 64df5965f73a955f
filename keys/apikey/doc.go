// Package apikey makes, reads and verifies API keys: a checksummed format that
// scanners find, a keyed hash at rest, and the whole index in memory.
//
// A key is smk_<live|test>_<id12>_<secret32><crc6>, 60 characters of [0-9A-Za-z_].
// The id is public; the 32 characters of secret carry 190.5 bits. The checksum is no
// protection: it stops typing errors before any lookup and lets a scanner be sure.
package apikey
