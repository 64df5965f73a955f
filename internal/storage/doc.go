// Package storage is the one store behind every layer: it implements the store
// interfaces that the layers declare, on database/sql, for SQLite and PostgreSQL
// alike. The packages sqlite and postgres open it; storagetest is the suite that
// both must pass.
//
// # One order of changes
//
// Every change takes the head row first and numbers its audit events and feed lines
// from it, in the transaction that makes the change true. So all changes of all
// nodes stand in one order, their numbers have no gap, and whoever can read line n
// can read every line before it. A sequence could not give this: on PostgreSQL
// numbers from a sequence become visible in the order of commits, not of numbers,
// and a follower that asks for "everything after n" would miss a late committer.
//
// # Errors
//
// What a layer declared (not found, exists, conflict) is returned as declared. A
// store that cannot answer (unreachable, locked, full, out of time) is a
// *refusal.Refusal with code busy. Everything else is a failure. An error never
// says that a change was made; after an error of the commit itself on PostgreSQL it
// may have been, and every change is written so that repeating it is safe.
//
// # Values at rest
//
// Times are microseconds since 1970, finer parts are cut off; 0 is "not set". Lists
// are JSON texts; an empty list reads as nil. Free text (audit fields, device names)
// is made valid UTF-8 without NUL and cut at 4096 bytes. Names and ids that are not
// valid UTF-8 without NUL are refused when written and not found when read, because
// PostgreSQL cannot hold them.
package storage
