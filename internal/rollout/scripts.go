package rollout

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/keys/redact"
	"github.com/sanmon-gate/sanmon/web/csp"
)

// maxSample is how much of a script is kept for the person who reviews it, in bytes.
const maxSample = 160

// Script adds an inline script that was served. One that held a value of its request is
// no evidence: only what is the same without it is a script of the page. (An attacker who
// puts a word of the script into the request can hide it from learning for this one
// response, and not make it learn anything.)
func (l *Log) Script(s csp.Sighting) {
	hash := "sha256-" + base64.StdEncoding.EncodeToString(s.Hash[:])
	l.mu.Lock()
	defer l.mu.Unlock()
	l.init()
	e, _ := l.scripts.get(scriptID{s.Route, hash})
	one := Script{Route: s.Route, Hash: hash, First: s.Now, Last: s.Now, Sample: e.Sample}
	if s.Reflected {
		one.Reflected = 1
	} else {
		one.Count, one.Visitors = 1, []int64{tag(s.Route, hash, s.Visitor)}
	}
	if one.Sample == "" {
		one.Sample = sampleOf(s.Beginning)
	}
	e.join(one)
}

// served is a script in memory.
type served struct {
	Script
	written bool // the store knows it
}

// takeScripts returns what is worth writing and empties it; l.mu is held.
func (l *Log) takeScripts() []Script {
	var all []Script
	for at := l.scripts.order.Front(); at != nil; at = at.Next() {
		v := &at.Value.(*entry[scriptID, served]).V
		n := v.Count + v.Reflected
		single := n == 1 && !v.written
		if n == 0 || single && l.singles[v.Route] >= maxSingles {
			continue
		}
		if single {
			l.singles[v.Route]++
		}
		all = append(all, v.Script)
		*v = served{written: true}
	}
	return all
}

// tag tells visitors of one script apart without naming them: it differs from script to
// script.
func tag(parts ...string) int64 {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// sampleOf is the beginning of a script in one printable line, without credentials.
func sampleOf(b []byte) string {
	s := strings.ToValidUTF8(string(redact.Line(slices.Clone(b))), "")
	s = strings.Join(strings.Fields(s), " ")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, s)
	if len(s) > maxSample {
		s = strings.ToValidUTF8(s[:maxSample], "")
	}
	return s
}

func (e *Script) join(c Script) {
	e.Route, e.Hash = c.Route, c.Hash
	e.Count, e.Reflected = e.Count+c.Count, e.Reflected+c.Reflected
	e.Sample = or(e.Sample, c.Sample)
	joinTimes(&e.First, &e.Last, c.First, c.Last)
	for _, v := range c.Visitors {
		if at, known := slices.BinarySearch(e.Visitors, v); !known && len(e.Visitors) < MaxVisitors {
			e.Visitors = slices.Insert(e.Visitors, at, v)
		}
	}
}
