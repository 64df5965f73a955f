package waf

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// MaxBody bounds Options.Body, in bytes.
const MaxBody = 128 << 10

// Options are what an Engine is compiled from. The zero value is usable.
type Options struct {
	// Paranoia is the level of the Core Rule Set, 1 to 4; 0 means 1. Each level finds
	// more and mistakes more for attacks; above 1 expect to write exclusions.
	Paranoia int
	// Exclude lists the fields that rules do not look at, each of the form ParseExclusion
	// takes.
	Exclude []string
	// Body is how long a body may be, in bytes; 0 means MaxBody, which is also the most.
	// A longer body is refused: what nobody looked at is not clean.
	Body int
	// Lane bounds how many large bodies are inspected at once; nil means one of the
	// engine's own, with half of the processors and a second of patience.
	Lane *Lane
}

func (o Options) settled() (Options, error) {
	if o.Paranoia == 0 {
		o.Paranoia = 1
	}
	if o.Body == 0 {
		o.Body = MaxBody
	}
	if o.Lane == nil {
		o.Lane = NewLane(runtime.GOMAXPROCS(0)/2, time.Second)
	}
	if o.Paranoia < 1 || o.Paranoia > 4 {
		return o, fmt.Errorf("paranoia %d is no level of the Core Rule Set (write 1 to 4)", o.Paranoia)
	}
	if o.Body < 1 || o.Body > MaxBody {
		return o, fmt.Errorf("a body of %d bytes is out of bounds (write 1 to %d)", o.Body, MaxBody)
	}
	return o, nil
}

// Exclusion takes one field out of the sight of rules.
type Exclusion struct {
	Variable string // ARGS, ARGS_NAMES, REQUEST_COOKIES or REQUEST_HEADERS
	Field    string // its name; members of JSON are joined by dots, * is any one member
	From, To string // range of rule ids; empty: all rules
}

var exclusion = regexp.MustCompile(`^(?:(9[0-9]{5})(?:-(9[0-9]{5}))? )?(ARGS|ARGS_NAMES|REQUEST_COOKIES|REQUEST_HEADERS):((?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*)$`)

// ParseExclusion reads "ARGS:body", "ARGS:items.*.text" for each member of a list in
// JSON, or "941100-941999 ARGS:body" for some rules only.
func ParseExclusion(s string) (Exclusion, error) {
	m := exclusion.FindStringSubmatch(s)
	if m == nil || len(s) > 200 {
		return Exclusion{}, fmt.Errorf("exclusion %q is not understood (write ARGS:name, or 941100-941999 ARGS:name for some rules)", s)
	}
	if m[2] == "" {
		m[2] = m[1]
	}
	if m[2] < m[1] {
		return Exclusion{}, fmt.Errorf("exclusion %q ends before it begins (write the lower rule first)", s)
	}
	return Exclusion{Variable: m[3], Field: m[4], From: m[1], To: m[2]}, nil
}

// targets are the forms in which the engine knows the field: by its name, and as a member
// of a JSON body, where the engine puts "json." in front.
func (e Exclusion) targets() []string {
	if strings.Contains(e.Field, "*") {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(e.Field), `\*`, `[^.]+`)
		return []string{"!" + e.Variable + ":/^(?:json[.])?" + pattern + "$/"}
	}
	own := []string{"!" + e.Variable + ":" + e.Field}
	if strings.HasPrefix(e.Variable, "ARGS") {
		own = append(own, "!"+e.Variable+":json."+e.Field)
	}
	return own
}
