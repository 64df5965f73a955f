package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// The room that the heap is given beyond what lives on it, in bytes. A gate without
// many keys holds little, and with the runtime's usual room of 100 % it would collect
// garbage hundreds of times a second; a gate with a million keys must not double.
const (
	minRoom    = 18 << 20
	maxRoom    = 40 << 20
	maxPercent = 500
	minPercent = 10
	eager      = 25
)

// tune keeps the collector's target by that rule until ctx ends, unless the operator
// decides by GOGC. It looks behind each collection: the hash of a password is 19 MiB for a
// moment, and five times that would be room for as long as nobody looks.
func tune(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	set := 100
	collected := make(chan struct{}, 1)
	debug.FreeOSMemory() // what loading left behind
	for {
		metrics.Read(sample)
		if want := percent(sample[0].Value.Uint64()); want < set-set/10 || want > set+set/10 {
			debug.SetGCPercent(want)
			set = want
		}
		afterCollection(collected)
		select {
		case <-ctx.Done():
			return nil
		case <-collected:
		}
	}
}

// witness is garbage as soon as it is made. It is as large as what is collected one by one.
type witness struct{ _ [4]*byte }

// afterCollection sends to done behind the next collection.
func afterCollection(done chan<- struct{}) {
	runtime.AddCleanup(&witness{}, func(done chan<- struct{}) {
		select {
		case done <- struct{}{}:
		default:
		}
	}, done)
}

// percent is the collector's target for a live heap of that many bytes.
func percent(live uint64) int {
	room := min(max(live, minRoom), maxRoom)
	return int(min(max(room*100/max(live, 1), minPercent), maxPercent))
}

// smallHeap is the largest heap that is collected behind each password hash, in bytes. That
// takes some milliseconds then, against twenty for the hash.
const smallHeap = 64 << 20

// tidy returns what collects what a password hash left behind: 19 MiB, which would otherwise
// be taken for what lives, several times over while a flood of logins lasts. A large heap
// has room enough.
func tidy() func() {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	var tidying atomic.Bool
	return func() {
		if !tidying.CompareAndSwap(false, true) {
			return
		}
		defer tidying.Store(false)
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		if metrics.Read(sample); sample[0].Value.Uint64() < smallHeap {
			runtime.GC()
		}
	}
}

// frugally runs what reads much into memory at once with an eager collector, so that
// what is thrown away on the way does not add up.
func frugally(load func() error) error {
	if os.Getenv("GOGC") != "" {
		return load()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(eager))
	return load()
}
