// Package waf looks for known attacks in requests: the Coraza engine with the OWASP Core
// Rule Set, both inside the binary. It is a module of its own, so that programs which do
// not want it do not carry it.
//
// It is a net under the wall and not the wall: rules know attacks that were seen before,
// and a parser that reads a body differently from the backend sees another body. What is
// trusted stands in the gate: one meaning for each target, declared fields, a schema, and
// output that is text. Where these hold, a route seldom needs this package. Where an
// application cannot be changed and its fields are not known, it catches the common.
//
// An Engine costs a millisecond or more for each request (docs/waf.md has the figures),
// and some ten megabytes of memory, so it is turned on route by route.
//
// The rules run in anomaly mode: each that matches adds to a score, and the request is
// refused at five, which one critical rule reaches. Nothing of that is told to the
// client. Answers of the backend are not looked at.
package waf
