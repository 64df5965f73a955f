// Package csp reads, tightens and writes Content Security Policies (CSP Level 3,
// https://www.w3.org/TR/CSP3/), makes nonces, judges inline scripts by hash and reads
// what browsers report.
//
// # What a nonce means
//
// A nonce says "whoever wrote this script element was trusted before the data came in".
// A gate sees pages after data and markup were joined, so it cannot know that, and must
// never put a nonce on a script that it did not write itself: the attacker's script would
// get it too (OWASP Content Security Policy Cheat Sheet). So the nonce is handed to the
// backend in the request field Sanmon-Csp-Nonce, and the template there puts it where it
// belongs; or the backend brings a policy of its own, which is adopted; or inline scripts
// are named by hashes that a person has approved.
//
// # Modes
//
// Output composes what a route sends: the floor alone (package headers), the strict
// policy as a report beside it, or the strict policy enforced.
package csp
