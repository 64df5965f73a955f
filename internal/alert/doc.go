// Package alert tells people of what they should look at: theft, guessing, leaks, and a
// gate that is not well. Messages are signed and posted to one receiver.
//
// What the audit trail records becomes an alert from there: the trail is written with the
// change itself, so no alert is lost with a process, whichever node or command did it. A
// cursor in the store says up to which event the trail was looked through. What no trail
// can hold, because the store is away, waits in memory.
//
// Nothing here is ever waited for by a request, and everything is bounded: of each type
// the first alert goes at once, and what follows within a minute, or while it waits, goes
// into one alert more, with a count.
package alert
