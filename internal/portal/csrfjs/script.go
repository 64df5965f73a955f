package csrfjs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// Name is the name of the script below the portal's prefix.
const Name = "csrf.js"

// MaxAge is how long a browser uses its copy without asking, in seconds. A new version of
// the gate is to reach open pages within the hour.
const MaxAge = 3600

//go:embed csrf.js
var source []byte

// Script is the script as it is served. It is made by New and safe for concurrent use.
type Script struct{ plain, zipped variant }

// variant is one representation, with a strong entity tag of its own (RFC 9110, Section 8.8.3).
type variant struct {
	body []byte
	etag string // quoted
}

// New prepares the script: without its comments, plain and compressed.
func New() *Script {
	body := slim(source)
	return &Script{newVariant(body), newVariant(compress(body))}
}

func newVariant(body []byte) variant {
	sum := sha256.Sum256(body)
	return variant{body, `"` + hex.EncodeToString(sum[:8]) + `"`}
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one
	_, _ = z.Write(body)                                  // a Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// slim drops indentation, empty lines and lines that are a comment. It keeps every other
// line break, on which JavaScript may depend (ECMA-262, Section 12.10).
func slim(js []byte) []byte {
	out := make([]byte, 0, len(js))
	for line := range bytes.Lines(js) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			out = append(append(out, line...), '\n')
		}
	}
	return out
}

// Serve answers a GET or HEAD with the script, or with 304 to who has it (RFC 9110,
// Section 13.1.2). It is the same for everybody and may be kept by shared caches.
func (s *Script) Serve(w http.ResponseWriter, r *http.Request) {
	v, h := &s.plain, w.Header()
	zip := takesGzip(r.Header.Values("Accept-Encoding"))
	if zip {
		v = &s.zipped
	}
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(MaxAge))
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", v.etag)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if has(r.Header.Values("If-None-Match"), v.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if zip {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", "text/javascript; charset=utf-8") // RFC 9239, Section 6
	h.Set("Content-Length", strconv.Itoa(len(v.body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(v.body) // a client that left needs no script
	}
}

// has reports whether a list of entity tags holds ours, compared weakly.
func has(lists []string, etag string) bool {
	for _, list := range lists {
		for tag := range strings.SplitSeq(list, ",") {
			if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// takesGzip reports whether Accept-Encoding names gzip and does not rule it out (RFC 9110,
// Section 12.5.3).
func takesGzip(lists []string) bool {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			coding, weight, weighted := strings.Cut(item, ";")
			if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				weight, _ = strings.CutPrefix(strings.TrimSpace(weight), "q=")
				return !weighted || strings.Trim(weight, "0.") != ""
			}
		}
	}
	return false
}
