// Package dbsc binds a login session to a key that the browser keeps where it cannot be
// copied from: Device Bound Session Credentials (W3C, Editor's Draft). The browser registers
// its key after a login, and from then on shows a short-lived cookie that it gets for
// signatures of that key only.
//
// Challenges and cookies are stateless: a MAC over the session and the time. What a session
// is bound to stands on its row; identity/session keeps it.
package dbsc
