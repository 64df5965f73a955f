package alert

import (
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// Bounds of one alert.
const (
	maxEvents = 10  // that it describes; of the others it has the count
	maxField  = 300 // bytes of one field of an event
)

// Group is events of one type that go into one alert.
type Group struct {
	Type        Type
	Count       int64
	First, Last time.Time
	From, To    int64         // their lowest and highest number in the trail; 0: they are not in it
	Events      []audit.Event // the first of them, at most 10
}

// Join adds what came later.
func (g *Group) Join(later Group) {
	if g.Count == 0 {
		g.First, g.From = later.First, later.From
	}
	g.Type = later.Type
	g.Count += later.Count
	if later.Last.After(g.Last) {
		g.Last = later.Last
	}
	if later.First.Before(g.First) {
		g.First = later.First
	}
	g.To = max(g.To, later.To)
	room := max(0, maxEvents-len(g.Events))
	g.Events = append(g.Events, later.Events[:min(room, len(later.Events))]...)
}

// single is one event.
func single(t Type, ev audit.Event) Group {
	return Group{Type: t, Count: 1, First: ev.At, Last: ev.At, From: ev.Seq, To: ev.Seq, Events: []audit.Event{short(ev)}}
}

// Sort gathers the events that are worth an alert, by type, in the order of the first of
// each. Events before since are too old to tell anybody; old counts them.
func Sort(events []audit.Event, since time.Time) (groups []Group, old int64) {
	at := map[Type]int{}
	for _, ev := range events {
		t, worth := Of(ev)
		switch {
		case !worth:
			continue
		case ev.At.Before(since):
			old++
			continue
		}
		i, known := at[t]
		if !known {
			i = len(groups)
			at[t], groups = i, append(groups, Group{})
		}
		groups[i].Join(single(t, ev))
	}
	return groups, old
}

// short clips what a client may have made long.
func short(ev audit.Event) audit.Event {
	for _, f := range []*string{&ev.Subject, &ev.Actor, &ev.SID, &ev.KeyID, &ev.Route, &ev.Network, &ev.RequestID, &ev.Detail} {
		*f = clip(*f)
	}
	return ev
}

func clip(s string) string {
	if len(s) <= maxField {
		return s
	}
	cut := maxField
	for cut > 0 && s[cut]&0xC0 == 0x80 { // not within a character
		cut--
	}
	return s[:cut] + "…"
}
