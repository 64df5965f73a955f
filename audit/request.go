package audit

import "strings"

// MaxRequestID is how long a request id may be to be looked up; the gate takes none that
// is longer.
const MaxRequestID = 128

// alsoWord is the word of a detail that names the further requests of a gathered event.
const alsoWord = "also="

// AlsoWord is the word of a detail that names further requests of an event.
func AlsoWord(ids []string) string { return alsoWord + strings.Join(ids, ",") }

// Also are the further requests that the event names.
func (ev *Event) Also() []string {
	for word := range strings.FieldsSeq(ev.Detail) {
		if ids, ok := strings.CutPrefix(word, alsoWord); ok {
			return strings.Split(ids, ",")
		}
	}
	return nil
}
