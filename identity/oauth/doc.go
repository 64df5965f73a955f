// Package oauth is the decisions of an authorization server for first-party clients: the
// authorization code with PKCE, refreshing, client credentials, revoking and asking about
// tokens (RFC 6749, 7009, 7636, 7662, 8414, 9207, 9449, and OpenID Connect Core for
// clients that want an ID token).
//
// It offers little, on purpose: one response type, S256 alone, exact redirect addresses,
// no implicit flow, no passwords, no registration by strangers (RFC 9700). What a token is
// worth is not decided here: a token is an upper bound, and the person or service behind
// it, asked at each request, is the other half.
//
// A no is an *Error with the word of the specification for the client and a
// *refusal.Refusal for the operator.
package oauth
