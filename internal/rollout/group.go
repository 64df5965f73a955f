package rollout

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Group is reports of one kind: which directive of which route's pages blocked what.
type Group struct {
	Route, Directive, Blocked, Disposition string
}

// Reports is what is known of a group.
type Reports struct {
	Group
	First, Last time.Time
	Count       int64
	Sample      string // beginning of the first script that was blocked; "" unknown
	Source      string // where it stood: path of a file and line; "" unknown
}

// MaxVisitors is how many visitors of a script are told apart.
const MaxVisitors = 32

// Script is one inline script of the pages of one route.
type Script struct {
	Route, Hash string
	First, Last time.Time
	Count       int64   // times it was served without any value of its request in it
	Reflected   int64   // times it held a value of its request
	Visitors    []int64 // who got it, as tags; at most MaxVisitors, sorted
	Sample      string  // its beginning
}

// Views is how often documents of a route were shown under the strict policy.
type Views struct {
	Route       string
	First, Last time.Time
	Count       int64
}

// Seen is all of it.
type Seen struct {
	Reports []Reports
	Scripts []Script
	Views   []Views
}

// Empty reports whether there is nothing.
func (s *Seen) Empty() bool { return len(s.Reports)+len(s.Scripts)+len(s.Views) == 0 }

// Sort orders each part by its key.
func (s *Seen) Sort() {
	slices.SortFunc(s.Reports, func(a, b Reports) int { return strings.Compare(a.Group.key(), b.Group.key()) })
	slices.SortFunc(s.Scripts, func(a, b Script) int { return strings.Compare(a.Route+"\x00"+a.Hash, b.Route+"\x00"+b.Hash) })
	slices.SortFunc(s.Views, func(a, b Views) int { return strings.Compare(a.Route, b.Route) })
}

func (g Group) key() string {
	return g.Route + "\x00" + g.Directive + "\x00" + g.Blocked + "\x00" + g.Disposition
}

// Store keeps what all nodes saw; internal/storage does.
type Store interface {
	// AddSeen adds to what is there, in one transaction: counts add up, the earliest First
	// and the latest Last stay, the first Sample and Source that are not empty stay, and
	// Visitors are joined up to MaxVisitors. It may reorder the slices.
	AddSeen(ctx context.Context, s Seen) error
	// Seen returns everything: reports with the latest first, the rest by key.
	Seen(ctx context.Context) (Seen, error)
}
