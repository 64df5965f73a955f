package config

import (
	"bytes"
	"context"
	"crypto/sha256"
	"time"

	"github.com/sanmon-gate/sanmon/internal/periodic"
)

// DefaultInterval is how often a watched file is read: a change is in force within
// two intervals and the time that it takes to apply.
const DefaultInterval = 500 * time.Millisecond

// Watch reads path every interval (0: DefaultInterval) until ctx ends, and calls
// onChange once for each content that differs from the one before, with the new
// configuration or with what is wrong with it. Then the caller keeps the old one.
// A file that cannot be read is reported once, and its return as a change. Calls
// come one after another from the goroutine of Watch.
//
// The content decides, not the modification time: a mount that swaps symbolic
// links, an editor that renames, and a copy with an old date are all noticed, and a
// touch is not.
//
// known is the Hash of the configuration in force: no change is missed between Load and
// Watch.
func Watch(ctx context.Context, path string, known [sha256.Size]byte, interval time.Duration, onChange func(*Config, error)) {
	if interval <= 0 {
		interval = DefaultInterval
	}
	w := watcher{path: path, known: known, onChange: onChange}
	periodic.Do(ctx, interval, func() { w.look(ctx, interval/10) })
}

type watcher struct {
	path     string
	known    [sha256.Size]byte // content of the last report
	failed   string            // why the file could not be read; "" it could
	onChange func(*Config, error)
}

// look reads the file once and reports a change when a second reading after settle
// finds the same: a file that is being written is left alone until it is whole.
func (w *watcher) look(ctx context.Context, settle time.Duration) {
	src, err := readFile(w.path)
	if err == nil && w.failed == "" && sha256.Sum256(src) == w.known {
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(settle):
	}
	again, errAgain := readFile(w.path)
	switch {
	case err != nil && errAgain != nil:
		if errAgain.Error() != w.failed {
			w.failed = errAgain.Error()
			w.onChange(nil, errAgain)
		}
	case err == nil && errAgain == nil && bytes.Equal(src, again):
		w.changed(src)
	}
}

func (w *watcher) changed(src []byte) {
	hash := sha256.Sum256(src)
	if hash == w.known && w.failed == "" {
		return
	}
	w.known, w.failed = hash, ""
	w.onChange(Parse(w.path, src))
}
