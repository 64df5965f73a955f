// Package refresh is grants and their refresh tokens: what a person allowed a client,
// and the token by which the client asks for the next access token. A token is good for
// one use; a copy of it is found out by the second one (RFC 9700, Section 4.14.2).
//
// # A token is derived, not stored
//
// All refresh tokens of a grant are one family. A token is the family's id, a generation
// and a MAC over both and the client; the store has one row per family with the current
// generation, and nothing that could be presented. So there is one successor only, and
// whoever asks again for a lost answer gets the same bytes. A guess fails at the MAC,
// before any statement reaches the store.
//
// # What a presented token is worth
//
// The current generation is replaced by the next. The one before is taken within a
// window from its replacement: as long as nobody has proven to hold the successor the
// client gets that again (a lost answer), afterwards an access token only (a request that
// was under way). Everything older, or later, is theft: the grant, the login that it came
// from and that login's other grants end in the same transaction. Attempt.Judge is the
// whole rule.
//
// The gate sees every request, so it knows when a client holds its new token: an access
// token carries the generation it was issued with, and Service.Confirm is told.
package refresh
