package nature_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sanmon-gate/sanmon/refusal"
	"pgregory.net/rapid"
)

// However a body is cut, it is judged as the whole.
func TestPartsInPieces(t *testing.T) {
	f := note(t)
	bodies := []string{
		one("title", "<b>"), one("title", "a < b"), one("title\"; filename=\"x", "\r\n--\r\n<b>"), strings.TrimSuffix(one("body", "<i>x</i>"), "--b--\r\n") + one("title", "<b>"),
		one("title", "x") + "more", one("title", "x\n--b"), strings.TrimSuffix(one("title", "<b>"), "--\r\n"), "", "--b--", "--b--\r\n", "--b\r\n\r\n\r\n--b--", "x" + one("title", "<b>"), one("title", ""), one("title", "\r\n\r"),
	}
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(rapid.SampledFrom(bodies).Draw(t, "body"))
		want, wantErr := f.Body(multi, body)
		p, err := f.Parts(multi)
		for rest := body; err == nil && len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			piece := bytes.Clone(rest[:n])
			err = p.Push(piece)
			clear(piece) // nothing of it is kept
			rest = rest[n:]
		}
		if err == nil {
			err = p.Close()
		}
		if d := cmp.Diff(want, p.Found()); d != "" || (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, whole %v %s", body, err, wantErr, d)
		}
	})
}

// An upload of any size needs no memory; fields have a bound.
func TestPartsAreBounded(t *testing.T) {
	f := note(t)
	megabyte := bytes.Repeat([]byte("\r\n--x<b>"), 1<<20/8)
	upload, err := f.Parts(multi)
	if err != nil {
		t.Fatal(err)
	}
	_ = upload.Push([]byte("--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n"))
	allocated := testing.AllocsPerRun(10, func() {
		for range 10 {
			_ = upload.Push(megabyte)
		}
	})
	if err := upload.Push([]byte("\r\n--b--")); err != nil || upload.Close() != nil || len(upload.Found()) != 0 || allocated > 15 {
		t.Errorf("%v, %v, %v, %v allocations", err, upload.Close(), upload.Found(), allocated)
	}
	for _, head := range []string{"--b\r\nContent-Disposition: form-data; name=title\r\n\r\n", "--b\r\n"} {
		p, _ := f.Parts(multi)
		err := p.Push([]byte(head))
		for i := 0; i < 3 && err == nil; i++ {
			err = p.Push(megabyte)
		}
		if no := refusal.From(err); no == nil || no.Code != refusal.BodyTooLarge && no.Code != refusal.InputInvalid {
			t.Errorf("%q: %v", head, err)
		}
	}
	begun := time.Now()
	p, _ := f.Parts(multi)
	_ = p.Push([]byte("--b\r\nContent-Disposition: form-data; name=title\r\n\r\n"))
	for range 1 << 20 {
		_ = p.Push([]byte("-"))
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("a megabyte byte by byte took %v", took)
	}
}
