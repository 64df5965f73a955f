// Package periodic calls what a server does again and again.
package periodic

import (
	"context"
	"time"
)

// lastWrite bounds what Flush writes when the server ends.
const lastWrite = 2 * time.Second

// Do calls f at the end of each period until ctx ends. Calls follow each other.
func Do(ctx context.Context, period time.Duration, f func()) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f()
		}
	}
}

// Flush is Do for what memory gathers: write is called once more when ctx has ended, with
// a context that has a little time left.
func Flush(ctx context.Context, period time.Duration, write func(context.Context)) {
	Do(ctx, period, func() { write(ctx) })
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
	defer cancel()
	write(last)
}
