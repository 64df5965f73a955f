// Package federation signs people in whom another provider knows (OpenID Connect Core 1.0,
// by authorization code with PKCE). What the provider says is read by the strict reader of
// package token/foreign; who it means is a matter of links, never of an address alone.
package federation
