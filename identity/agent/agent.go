// Package agent tells kinds of browsers apart by their User-Agent, as coarsely as is useful: the
// engine and the operating system. A session or grant that turns up with another kind is a
// signal, never a proof: whoever copies a cookie can copy the field, too.
package agent

import "strings"

// Family is a kind of browser: an engine on a system. The zero Family is that of nobody knows
// what; it is what is stored of sessions that began before families were.
type Family uint8

// maxLen bounds what is read: no browser sends that much.
const maxLen = 1024

const other = "other"

// The order is that of the numbers of families: new ones go to the end.
var (
	engines = [...]string{other, "blink", "gecko", "webkit"}
	systems = [...]string{other, "windows", "macos", "ios", "android", "chromeos", "linux"}
)

// Count is the number of families and the unknown one.
const Count = 1 + len(engines)*len(systems)

// token is a word of a User-Agent and the place in the list of what it says.
type token struct {
	word  string
	means uint8
}

// Every browser names the engines that it wants to be taken for, the right one first here:
// Chromium says AppleWebKit, WebKit says "like Gecko", and what says Firefox on iOS is WebKit.
var engineTokens = [...]token{
	{"Chrome/", 1}, {"Chromium/", 1}, {"AndroidDownloadManager/", 1}, // fetches for the browser
	{"AppleWebKit/", 3}, {"AppleCoreMedia/", 3}, // fetches media for Safari
	{"Gecko/", 2},
}

// An iPhone says "like Mac OS X", Android and ChromeOS are Linux.
var systemTokens = [...]token{
	{"Windows NT", 1}, {"iPhone", 3}, {"iPad", 3}, {"iPod", 3}, {"Android", 4}, {"CrOS", 5}, {"Macintosh", 2}, {"Linux", 6}, {"X11", 6},
}

// Of returns the family of a User-Agent. A version is no part of it: an update changes nothing.
// A field that is absent, too long, or no browser's is of the family of all others.
func Of(userAgent string) Family {
	if len(userAgent) > maxLen {
		userAgent = ""
	}
	return 1 + Family(find(engineTokens[:], userAgent))*Family(len(systems)) + Family(find(systemTokens[:], userAgent))
}

func find(tokens []token, in string) uint8 {
	for _, t := range tokens {
		if strings.Contains(in, t.word) {
			return t.means
		}
	}
	return 0
}

// String is the family as stored, such as "gecko/linux"; "" for the unknown one.
func (f Family) String() string {
	if f == 0 || int(f) >= Count {
		return ""
	}
	n := int(f - 1)
	return engines[n/len(systems)] + "/" + systems[n%len(systems)]
}

// Parse reads what String wrote; anything else is the unknown family.
func Parse(s string) Family {
	for f := Family(1); int(f) < Count; f++ {
		if f.String() == s {
			return f
		}
	}
	return 0
}

// Differs reports whether a request is of another family than is known. Of what is not known
// nothing differs.
func (f Family) Differs(known Family) bool { return known != 0 && f != known }
