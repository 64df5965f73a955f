package redact

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
)

// maxLine is how much of a line without an end is kept back. A longer one is
// written in parts, and a credential that the parts divide is not seen.
const maxLine = 64 << 10

// Writer takes credentials out of what is written through it, whole lines at a
// time. It is safe for concurrent use.
type Writer struct {
	mu  sync.Mutex
	dst io.Writer
	buf []byte // a line whose end has not come yet
}

// NewWriter returns a Writer to dst.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// Write implements io.Writer. A line without an end waits for it, or for Flush.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := p
	if len(w.buf) > 0 {
		w.buf = append(w.buf, p...)
		lines = w.buf
	}
	end := bytes.LastIndexByte(lines, '\n') + 1
	if end == 0 && len(lines) > maxLine {
		end = len(lines)
	}
	var err error
	if end > 0 {
		_, err = w.dst.Write(Line(lines[:end]))
	}
	w.buf = append(w.buf[:0], lines[end:]...)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes a line whose end has not come.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buf) == 0 {
		return nil
	}
	_, err := w.dst.Write(Line(w.buf))
	w.buf = w.buf[:0]
	return err
}

// NewHandler returns a handler that formats records with the handler that format
// makes, and writes them to dst without credentials:
//
//	redact.NewHandler(os.Stderr, func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) })
func NewHandler(dst io.Writer, format func(io.Writer) slog.Handler) slog.Handler {
	return handler{format(NewWriter(dst))}
}

// handler exists so that nobody can reach around the Writer.
type handler struct{ h slog.Handler }

func (h handler) Enabled(ctx context.Context, l slog.Level) bool  { return h.h.Enabled(ctx, l) }
func (h handler) Handle(ctx context.Context, r slog.Record) error { return h.h.Handle(ctx, r) }
func (h handler) WithAttrs(a []slog.Attr) slog.Handler            { return handler{h.h.WithAttrs(a)} }
func (h handler) WithGroup(name string) slog.Handler              { return handler{h.h.WithGroup(name)} }
