// Package portal is what Sanmon itself says to a person or a browser: the login page,
// logout, the session endpoint, the confirmation page and every refusal, in two languages.
//
// The handlers decide; package views shows. The gate has judged target, host, network and
// origin of a request before the portal sees it: that verdict comes as a Visit.
package portal
