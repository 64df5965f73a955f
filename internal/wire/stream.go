package wire

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// stream is the writer and body of one HTTP/2 request. Streams have no connection
// of their own whose reads and writes could be timed, and a client that never
// opens its window would hold a handler for ever (CVE-2019-9517), so a timer looks
// how long the present read or write has been waiting.
type stream struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   [2]time.Duration // of a read, of a write
	since   [2]atomic.Int64  // when the present one began, Unix nanoseconds; 0 none

	mu    sync.Mutex // guards ended and the timer against end
	ended bool
	timer *time.Timer
}

const (
	ofRead = iota
	ofWrite
)

func watchStream(w http.ResponseWriter, r *http.Request, read, write time.Duration) *stream {
	s := &stream{ResponseWriter: w, control: http.NewResponseController(w), stall: [2]time.Duration{read, write}}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &streamBody{r.Body, s}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(min(read, write), s.look)
	return s
}

// look ends what has been waiting too long.
func (s *stream) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	now := time.Now()
	if s.waited(ofRead, now) {
		_ = s.control.SetReadDeadline(now)
	}
	if s.waited(ofWrite, now) {
		_ = s.control.SetWriteDeadline(now)
	}
	s.timer.Reset(min(s.stall[ofRead], s.stall[ofWrite]))
}

func (s *stream) waited(of int, now time.Time) bool {
	since := s.since[of].Load()
	return since != 0 && now.Sub(time.Unix(0, since)) >= s.stall[of]
}

// end stops watching. What net/http still has to flush gets WriteStall.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.timer.Stop()
	_ = s.control.SetWriteDeadline(time.Now().Add(s.stall[ofWrite]))
}

func (s *stream) begin(of int)  { s.since[of].Store(time.Now().UnixNano()) }
func (s *stream) finish(of int) { s.since[of].Store(0) }

// Write implements http.ResponseWriter.
func (s *stream) Write(p []byte) (int, error) {
	s.begin(ofWrite)
	defer s.finish(ofWrite)
	return s.ResponseWriter.Write(p)
}

// FlushError is what http.ResponseController flushes with.
func (s *stream) FlushError() error {
	s.begin(ofWrite)
	defer s.finish(ofWrite)
	return s.control.Flush()
}

// Flush implements http.Flusher.
func (s *stream) Flush() { _ = s.FlushError() }

// Unwrap is for http.ResponseController.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

type streamBody struct {
	io.ReadCloser
	stream *stream
}

func (b *streamBody) Read(p []byte) (int, error) {
	b.stream.begin(ofRead)
	defer b.stream.finish(ofRead)
	return b.ReadCloser.Read(p)
}
