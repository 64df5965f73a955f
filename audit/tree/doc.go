// Package tree makes the audit trail tamper-evident and checks it: the hash tree of
// RFC 6962, Section 2 over the canonical lines of the events, signed checkpoints
// (c2sp.org/tlog-checkpoint) and proofs that an event is in the trail
// (c2sp.org/tlog-proof). Nothing here knows a database: what is stored comes through a
// Source.
//
// Event number seq is leaf seq-1. With a row are stored the hash of its leaf and, behind
// it, the hashes of all subtrees that the leaf completes, lowest first, 32 bytes each: on
// average two. That is the layout of golang.org/x/mod/sumdb/tlog, cut into rows.
package tree
