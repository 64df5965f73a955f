package scan

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// History scans what every commit of the repository at dir added, for credentials. It
// runs git without anything that a repository's own configuration could make it execute.
// The oldest commit that holds a secret is named, once for each file.
func (s *Scanner) History(ctx context.Context, r *Report, dir string) error {
	bin, err := exec.LookPath("git")
	if err != nil {
		return fmt.Errorf("read the history of %q: %w (install git)", dir, err)
	}
	c := exec.CommandContext(ctx, bin, "--no-pager", "-C", dir, "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-c", "log.showSignature=false",
		"log", "--all", "--reverse", "-p", "-m", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/", "--format=commit %H")
	c.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0")
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("read the history of %q: %w", dir, err)
	}
	h := &history{s: s, r: r, seen: map[string]bool{}}
	readErr := h.read(bufio.NewReaderSize(out, 1<<16))
	if readErr != nil {
		_ = c.Cancel()
	}
	if err := errors.Join(readErr, c.Wait()); err != nil {
		return fmt.Errorf("read the history of %q: %w: %s (is it a git repository?)", dir, err, strings.TrimSpace(stderr.String()))
	}
	return nil
}

// A longer hunk than maxHunk bytes is looked at in pieces, of which each begins with what the
// one before ended with: more than a key in PEM takes.
const (
	maxHunk = 8 << 20
	overlap = 16 << 10
)

// history reads the output of git log -p.
type history struct {
	s            *Scanner
	r            *Report
	commit, file string
	line         int // of the hunk's first added line
	hunk         []byte
	seen         map[string]bool
}

func (h *history) read(in *bufio.Reader) error {
	body := false
	for {
		b, err := in.ReadSlice('\n')
		start := string(b[:min(len(b), 512)])
		for errors.Is(err, bufio.ErrBufferFull) { // a long line goes in pieces
			h.add(body, b)
			b, err = in.ReadSlice('\n')
			start = "+"
			if body {
				h.put(b)
			}
			b = nil
		}
		switch {
		case body && strings.HasPrefix(start, "+"):
			h.add(body, b)
		case body && (strings.HasPrefix(start, "-") || strings.HasPrefix(start, "\\")):
		case strings.HasPrefix(start, "@@ "):
			h.flush()
			body = true
			_, rest, _ := strings.Cut(start, " +")
			_, _ = fmt.Sscanf(rest, "%d", &h.line)
		case strings.HasPrefix(start, "+++ "):
			h.file = strings.TrimPrefix(strings.TrimSpace(start[4:]), "b/")
		case strings.HasPrefix(start, "commit "):
			h.flush()
			h.commit, body = strings.TrimSpace(start[7:]), false
		case strings.HasPrefix(start, "diff "):
			h.flush()
			body = false
		}
		if err != nil {
			h.flush()
			if err.Error() == "EOF" {
				return nil
			}
			return err
		}
	}
}

func (h *history) add(body bool, b []byte) {
	if body && len(b) > 0 {
		h.put(b[1:])
	}
}

func (h *history) put(b []byte) {
	if h.hunk = append(h.hunk, b...); len(h.hunk) < maxHunk {
		return
	}
	whole := h.hunk
	h.flush()
	done := len(whole) - overlap
	h.line += bytes.Count(whole[:done], []byte("\n"))
	h.hunk = h.hunk[:copy(whole[:overlap], whole[done:])]
}

// flush scans the hunk for credentials.
func (h *history) flush() {
	if len(h.hunk) == 0 {
		return
	}
	f := len(h.r.Findings)
	h.s.Text(h.r, h.file+".history", h.hunk) // read as plain text: half a file is no program
	kept := h.r.Findings[:f]
	for _, x := range h.r.Findings[f:] {
		key := x.Rule + "\x00" + h.file + "\x00" + x.Fingerprint
		if !h.seen[key] {
			h.seen[key] = true
			x.File, x.Commit, x.Line = h.file, h.commit, x.Line+h.line-1
			kept = append(kept, x)
		}
	}
	h.r.Findings, h.hunk = kept, h.hunk[:0]
}
