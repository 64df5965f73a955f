// Package logline writes log lines: one JSON object each, to one place, in order.
// Lines that matter leave at once; the line of each request may wait a moment, so
// that a busy server does not make a system call for each.
package logline

import (
	"context"
	"io"
	"sync"
	"time"
)

const (
	maxBuffer = 64 << 10
	delay     = 100 * time.Millisecond
)

// Writer is the one place. Write is for lines that leave at once; Lazy for those
// that may wait up to 100 ms. It is safe for concurrent use.
type Writer struct {
	mu  sync.Mutex
	dst io.Writer
	buf []byte
}

// New returns a Writer to dst.
func New(dst io.Writer) *Writer { return &Writer{dst: dst, buf: make([]byte, 0, maxBuffer)} }

// Write implements io.Writer: p is one or more whole lines.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf, p...)
	return len(p), w.flush()
}

// Lazy adds a whole line.
func (w *Writer) Lazy(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buf)+len(p) > maxBuffer {
		_ = w.flush() // a log that cannot be written must not stop a request
	}
	w.buf = append(w.buf, p...)
}

// Flush writes what waits.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

func (w *Writer) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	_, err := w.dst.Write(w.buf)
	w.buf = w.buf[:0]
	if cap(w.buf) > 2*maxBuffer {
		w.buf = make([]byte, 0, maxBuffer)
	}
	return err
}

// Run flushes every 100 ms until ctx ends, and once more then.
func (w *Writer) Run(ctx context.Context) error {
	tick := time.NewTicker(delay)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return w.Flush()
		case <-tick.C:
			_ = w.Flush() // tried again with the next line
		}
	}
}
