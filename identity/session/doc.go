// Package session is the login session: an opaque secret in a cookie, a row at rest
// that is useless to a thief, and a verdict from memory that is true at once when the
// row changes.
package session
