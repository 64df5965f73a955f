// Package csrf makes and checks the tokens that prove a request was sent by a page of
// ours: HMAC over origin, session binding and scope, masked per response, stateless but
// for tokens that may be used once.
package csrf
