// Package token is Sanmon's access tokens: JWTs of one exact form, signed with ES256, a
// few minutes long, each tied to a session that must be alive (sid).
//
// Only this package makes them and only this package reads them, so nothing about them
// is negotiable. The header is a constant of the key that signed (identity/keyset); the
// claims have one order and one spelling (Claims); whatever differs by a byte was not
// made here. Foreign JWTs are the business of token/foreign.
//
// A token is an upper bound, never a right by itself: what its bearer may do is what the
// token's scope grants and its principal may do at this moment (package policy). A Keeper
// answers both halves from memory.
package token
