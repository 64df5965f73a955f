// Package csrfjs is the script /.sanmon/csrf.js. It brings the CSRF token to where the HTML of
// a page cannot: into requests that scripts make, and into forms that scripts build or that
// have been open for long.
//
// A page loads it before its own scripts; it needs nothing but script-src and connect-src
// 'self', writes no HTML and evaluates no text, so that it runs under a strict policy with
// Trusted Types. Loading it twice does nothing, and it leaves no name behind.
//
// # What it covers
//
// fetch, XMLHttpRequest and sendBeacon to this origin with a method other than GET, HEAD and
// OPTIONS get the header X-Sanmon-Csrf, unless the page has set one itself or, for fetch, sends
// no cookie. Forms that are posted to this origin get the field _sanmon as their first, if they
// have none: the effective method and action count, those of the button that was pressed and
// <base> included. A form that leaves this origin loses the field. Nothing else is touched.
//
// # Where the token comes from
//
// From <meta name=sanmon content=…>, and from GET /.sanmon/session?route=… for routes that take
// a token of their own and for pages that are older than eight seconds: a token ends with the
// session secret that it is bound to, which any other tab may have replaced, and it is good for
// token.race (10 s) after that. A fetch is sent with the token at hand, and once more with a new
// one when the gate refused it. An XMLHttpRequest and a form cannot be sent twice unseen: the
// token is asked for before. The question waits three seconds at most; then the request goes
// with what there is, and the gate decides.
//
// # What is sent twice
//
// A fetch that the gate answered with csrf_missing or csrf_invalid, once, if its body can be
// sent again (not a stream, not the body of a Request object) and no redirect came before:
// the gate refuses a token before anything is forwarded, so nothing has happened. After
// csrf_spent nothing is sent again: the request with that token was forwarded, and to do
// it twice is what the token forbids. A form on a route of kind once keeps its token in
// the page that sent it, so that Back and a second click are answered with csrf_spent.
//
// # What a script reads out of a form
//
// FormData that a script makes from a form has no _sanmon: the request will have a header, and
// a JSON document made of it no field that its reader does not know.
//
// # What it does not cover
//
// Workers and service workers, forms in shadow trees that have no field, frames of other
// origins, forms of type text/plain, and EventSource or WebSocket, which need none. The header
// follows a redirect of fetch to another origin where that origin allows it by CORS; the
// token says nothing there, without the cookie and our Origin.
package csrfjs
