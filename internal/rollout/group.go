package rollout

import "time"

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
	Source      string // where it stood: path of a file and line
}

// Script is one inline script of the pages of one route.
type Script struct {
	Route, Hash string
	First, Last time.Time
	Count       int64    // times it was served without any value of the request in it
	Reflected   int64    // times it held a value of its request
	Visitors    []uint64 // who got it, as tags; at most maxVisitors, sorted
	Sample      string   // its beginning
}

// Views is how often documents of a route were shown under the strict policy.
type Views struct {
	Route       string
	First, Last time.Time
	Count       int64
}
