package coding

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

type flusher interface {
	io.WriteCloser
	Flush() error
}

// encoders write a body in each coding that is undone.
var encoders = map[string]func(io.Writer) flusher{
	"gzip":    func(w io.Writer) flusher { return gzip.NewWriter(w) },
	"x-gzip":  func(w io.Writer) flusher { return gzip.NewWriter(w) },
	"deflate": func(w io.Writer) flusher { return zlib.NewWriter(w) },
	"br":      func(w io.Writer) flusher { return brotli.NewWriter(w) },
	"zstd": func(w io.Writer) flusher {
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		return z
	},
}

func encode(name string, plain []byte) []byte {
	var b bytes.Buffer
	w := encoders[name](&b)
	if _, err := w.Write(plain); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

var page = []byte(strings.Repeat("<p>The quick brown fox jumps over the lazy dog.</p>", 5000))

func TestUndoes(t *testing.T) {
	for name := range encoders {
		coded := encode(name, page)
		for _, body := range []io.Reader{bytes.NewReader(coded), iotest.OneByteReader(bytes.NewReader(coded)), iotest.DataErrReader(bytes.NewReader(coded))} {
			if got, err := io.ReadAll(Decoder(name)(body)); err != nil || !bytes.Equal(got, page) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
		if got, err := io.ReadAll(Decoder(name)(strings.NewReader(""))); len(got) != 0 || err != nil {
			t.Errorf("%s of nothing: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "identity", "compress", "GZIP", "gzip, br"} {
		if Decoder(name) != nil {
			t.Errorf("%q is known", name)
		}
	}
}

func TestDeflateWithoutItsHeader(t *testing.T) {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 9)
	_, _ = w.Write(page)
	_ = w.Close()
	if got, err := io.ReadAll(Decoder("deflate")(&b)); err != nil || !bytes.Equal(got, page) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// What the encoder flushed comes out before more goes in: the first byte does not wait.
func TestStreams(t *testing.T) {
	for name, encoder := range encoders {
		r, w := io.Pipe()
		go func() {
			e := encoder(w)
			for _, piece := range []string{"one", "two", "three"} {
				_, _ = e.Write([]byte(piece))
				_ = e.Flush()
			}
			// and then nothing, with the body still open
		}()
		d := Decoder(name)(r)
		got := make([]byte, 0, 11)
		for len(got) < 11 {
			n, err := d.Read(got[len(got):cap(got)])
			if got = got[:len(got)+n]; err != nil {
				t.Fatal(name, err)
			}
		}
		if string(got) != "onetwothree" {
			t.Errorf("%s: %q", name, got)
		}
		_ = w.CloseWithError(io.ErrUnexpectedEOF)
	}
}

func TestFailures(t *testing.T) {
	broken := errors.New("the backend went away")
	for name := range encoders {
		coded := encode(name, page)
		if _, err := io.ReadAll(Decoder(name)(bytes.NewReader(coded[:len(coded)/2]))); err == nil {
			t.Errorf("%s: a body cut off counts as complete", name)
		}
		if _, err := io.ReadAll(Decoder(name)(bytes.NewReader(coded[:1]))); err == nil {
			t.Errorf("%s: one byte counts as complete", name)
		}
		if _, err := io.ReadAll(Decoder(name)(io.MultiReader(bytes.NewReader(coded[:len(coded)/2]), iotest.ErrReader(broken)))); !errors.Is(err, broken) {
			t.Errorf("%s: %v, want the body's own failure", name, err)
		}
		if name == "zstd" { // frames may follow each other
			continue
		}
		if got, err := io.ReadAll(Decoder(name)(bytes.NewReader(append(coded, "rubbish"...)))); name != "br" && (err != nil || !bytes.Equal(got, page)) {
			t.Errorf("%s with something behind it: %d bytes, %v", name, len(got), err)
		}
	}
}

// A body that expands a thousandfold costs no more memory than one that does not.
func TestBombs(t *testing.T) {
	zeros := make([]byte, 64<<20)
	for name := range encoders {
		coded := encode(name, zeros)
		var n int
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		buf := make([]byte, 32<<10)
		d := Decoder(name)(bytes.NewReader(coded))
		for err := error(nil); err == nil; {
			var k int
			k, err = d.Read(buf)
			n += k
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; n != len(zeros) || used > 2*window {
			t.Errorf("%s: %d of %d bytes, %d bytes allocated", name, n, len(zeros), used)
		}
	}
}

func TestZstdWindowIsBounded(t *testing.T) {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithWindowSize(64<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = z.Write(page)
	_ = z.Flush()
	_, _ = z.Write(page)
	_ = z.Close()
	if _, err := io.ReadAll(Decoder("zstd")(&b)); err == nil {
		t.Error("a window of 64 MiB was given")
	}
}

func FuzzDecoder(f *testing.F) {
	for name := range encoders {
		f.Add(name, encode(name, []byte("<p>text")))
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		if d := Decoder(name); d != nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(d(bytes.NewReader(body)), 1<<20))
		}
	})
}
