package feed

import (
	"context"
	"fmt"
	"log/slog"
)

// catchUp reads the feed to its end. Knowledge is as old as the moment before the
// end was asked for, not the moment of the answer.
func (f *Follower) catchUp(ctx context.Context) error {
	began := f.now()
	last, err := f.Source.LastChange(ctx)
	if err != nil {
		return err
	}
	for seen := f.seen.Load(); seen != last; seen = f.seen.Load() {
		if seen > last {
			f.reset(ctx, last, "the feed ends before what was read already: the database went back in time")
			break
		}
		if err := f.advance(ctx, seen, last); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	f.fresh.Store(&began)
	return nil
}

// advance applies the lines after seen, but none after last: each call is short, and
// a feed that never stops growing still gets read to an end.
func (f *Follower) advance(ctx context.Context, seen, last int64) error {
	lines, err := f.Source.Changes(ctx, seen, int(min(batch, last-seen)))
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		f.reset(ctx, last, "the lines after the last one read were pruned")
		return nil
	}
	for _, line := range lines {
		if line.Seq != seen+1 {
			f.reset(ctx, last, fmt.Sprintf("line %d is missing: it was pruned", seen+1))
			return nil
		}
		f.Apply(ctx, line)
		seen = line.Seq
		f.seen.Store(seen)
	}
	return nil
}

// reset starts over at last. Memory is loaded after last was read, so it knows all
// lines up to it.
func (f *Follower) reset(ctx context.Context, last int64, why string) {
	if f.Logger != nil {
		f.Logger.WarnContext(ctx, "the change feed starts over; everything in memory is read again",
			slog.String("reason", why), slog.Int64("seen", f.seen.Load()), slog.Int64("last", last))
	}
	f.Reset(ctx)
	f.seen.Store(last)
}

// note logs once when the feed becomes unreadable and once when it is back.
func (f *Follower) note(err error) {
	failed := err != nil
	if failed == f.failing {
		return
	}
	f.failing = failed
	if f.Logger == nil {
		return
	}
	if failed {
		f.Logger.Error("the change feed cannot be read; when it is too old, memory is not believed any more",
			"error", err, "max_age", f.maxAge().String())
		return
	}
	f.Logger.Info("the change feed can be read again", "seen", f.seen.Load())
}
