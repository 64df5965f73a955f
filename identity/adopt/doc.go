// Package adopt decides what becomes of the login session of a backend that signs its own
// people in. The backend's session cookies never reach the browser: they are taken off its
// answers and kept in a jar, which lies sealed on a session of ours. From what the backend
// does on its login and logout pages the package reads when somebody has signed in or out.
//
// It decides and seals; it stores nothing. identity/session keeps the jars.
package adopt
