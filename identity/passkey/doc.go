// Package passkey signs people in with passkeys (Web Authentication Level 3). It wraps
// github.com/go-webauthn/webauthn, so that nothing else knows that library, and adds what
// it leaves to its user: the exact origin, ceremonies that live five minutes and are good
// once, user verification always, and a stop where a signature counter does not advance.
//
// All passkeys are discoverable: the person is found by the credential, so that no list of
// credentials is ever shown for an address, and an address says nothing about its account.
package passkey
