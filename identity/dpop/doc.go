// Package dpop verifies proofs of possession (RFC 9449): a client signs each request with
// a key of its own, and a token that is bound to that key is worth nothing to whoever
// copies it.
//
// A proof is for one method, one address and, with an access token, that token. It holds
// for a minute around its own clock reading, once. A client whose clock is wrong gets a
// nonce instead: a time of this server, authenticated, which any node can check because
// nothing is stored for it.
package dpop
