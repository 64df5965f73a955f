package tree

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sanmon-gate/sanmon/audit"
)

var t0 = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func key(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(b)), 32)))
}

func signed(t testing.TB, c Checkpoint, by ed25519.PrivateKey) string {
	t.Helper()
	s, err := NewSigner(c.Origin, by)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func verifiers(t testing.TB, origin string, by ed25519.PrivateKey) note.Verifiers {
	t.Helper()
	public, err := PublicKey(origin, by.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := Keys(public + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// shelf keeps stored hashes as rows do.
type shelf map[int64][]byte

func (s shelf) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		seq, offset := Place(index)
		var err error
		if out[i], err = At(seq, s[seq], offset); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func ev(seq int64) audit.Event {
	return audit.Event{Seq: seq, At: t0, Event: audit.LoginOK, Detail: fmt.Sprint("event ", seq)}
}

// The builder is the tree of the reference implementation, at every size and from every
// size on.
func TestBuilderIsTheReferenceTree(t *testing.T) {
	rows, h, b := shelf{}, Hasher{}, &Builder{}
	for seq := int64(1); seq <= 130; seq++ {
		e := ev(seq)
		want, err := tlog.StoredHashes(seq-1, e.AppendCanonical(nil), rows)
		if err != nil {
			t.Fatal(err)
		}
		got := b.Add(h.Leaf(&e))
		if !same(Join(want), got) {
			t.Fatalf("event %d is stored with %v, want %v", seq, got, want)
		}
		rows[seq] = Join(want)
		root, err := tlog.TreeHash(seq, rows)
		if err != nil || b.Root() != root {
			t.Fatalf("size %d: root %s, want %s, %v", seq, b.Root(), root, err)
		}
		if b, err = Resume(seq, rows); err != nil || b.Root() != root {
			t.Fatalf("size %d again: root %s, want %s, %v", seq, b.Root(), root, err)
		}
	}
}

// The empty tree and the first two leaves, from RFC 6962, Section 2.1 by hand.
func TestRoots(t *testing.T) {
	var b Builder
	root := b.Root()
	if got := fmt.Sprintf("%x", root[:]); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("empty: %s", got)
	}
	one, two := tlog.RecordHash([]byte("a")), tlog.RecordHash([]byte("b"))
	b.Add(one)
	if b.Root() != one {
		t.Error("one leaf")
	}
	b.Add(two)
	if b.Root() != tlog.NodeHash(one, two) || b.Size() != 2 {
		t.Error("two leaves")
	}
}

func TestCheckpoint(t *testing.T) {
	c := Checkpoint{Origin: "sanmon-audit/x", Size: 20, Root: tlog.RecordHash(nil)}
	text := signed(t, c, key('k'))
	if want := "sanmon-audit/x\n20\n" + c.Root.String() + "\n\n— sanmon-audit/x "; !strings.HasPrefix(text, want) {
		t.Errorf("%q does not begin with %q", text, want)
	}
	keys := verifiers(t, c.Origin, key('k'))
	for _, v := range []note.Verifiers{keys, PublicKeys{key('m').Public().(ed25519.PublicKey), key('k').Public().(ed25519.PublicKey)}} {
		if got, err := Open(text, v); err != nil || got != c {
			t.Errorf("%+v, %v", got, err)
		}
	}
	forged := func(old, new string) string { return strings.Replace(text, old, new, 1) }
	for _, bad := range []struct {
		name, text string
		keys       note.Verifiers
		want       error
	}{
		{"size", forged("\n20\n", "\n21\n"), keys, ErrForged},
		{"root", forged(c.Root.String()[:4], "AAAA"), keys, ErrForged},
		{"other key", text, verifiers(t, c.Origin, key('m')), ErrUnknownKey},
		{"other keys of a store", text, PublicKeys{key('m').Public().(ed25519.PublicKey)}, ErrUnknownKey},
		{"other trail", signed(t, Checkpoint{"other", 20, c.Root}, key('k')), keys, ErrUnknownKey},
		{"no signature", c.String(), keys, ErrMalformed},
		{"zeros", forged("\n20\n", "\n020\n"), keys, ErrMalformed},
		{"sign", forged("\n20\n", "\n+20\n"), keys, ErrMalformed},
		{"negative", forged("\n20\n", "\n-1\n"), keys, ErrMalformed},
		{"too large", forged("\n20\n", "\n99999999999999999999\n"), keys, ErrMalformed},
		{"short root", forged(c.Root.String(), "AAAA"), keys, ErrMalformed},
		{"spaces in the name", forged("sanmon-audit/x\n", "sanmon audit\n"), keys, ErrMalformed},
		{"empty", "", keys, ErrMalformed},
		{"large", strings.Repeat("x", MaxNote+1), keys, ErrMalformed},
	} {
		if _, err := Open(bad.text, bad.keys); !errors.Is(err, bad.want) {
			t.Errorf("%s: %v, want %v", bad.name, err, bad.want)
		}
	}
	for _, bad := range []string{"", "x", "sanmon-audit/x+00000000+AAAA"} {
		if _, err := Keys(bad); err == nil {
			t.Errorf("key %q is taken", bad)
		}
	}
}

// proven is a proof of event 5 of 9.
func proven(t testing.TB) (string, note.Verifiers) {
	t.Helper()
	rows, h, b := shelf{}, Hasher{}, &Builder{}
	for seq := int64(1); seq <= 9; seq++ {
		e := ev(seq)
		rows[seq] = Join(b.Add(h.Leaf(&e)))
	}
	c := Checkpoint{"trail", 9, b.Root()}
	p, err := Prove(ev(5), c, signed(t, c, key('k')), rows)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Prove(ev(10), c, "", rows); err == nil {
		t.Error("an event that the checkpoint does not cover")
	}
	return p.String(), verifiers(t, "trail", key('k'))
}

func TestProof(t *testing.T) {
	text, keys := proven(t)
	if got, c, err := OpenProof(text, keys); err != nil || got != ev(5) || c.Size != 9 {
		t.Fatalf("%+v, %v\n%s", got, err, text)
	}
	lines := strings.Split(text, "\n")
	for i := range lines { // no line can be left out, doubled or changed
		without := strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "\n")
		twice := strings.Join(append(append(append([]string{}, lines[:i+1]...), lines[i]), lines[i+1:]...), "\n")
		for _, bad := range []string{without, twice} {
			if bad == text || i == len(lines)-1 || bad == twice && strings.HasPrefix(lines[i], signaturePrefix) {
				continue // a note may have the same signature twice
			}
			if _, _, err := OpenProof(bad, keys); !errors.Is(err, ErrProof) {
				t.Errorf("line %d: %v\n%s", i, err, bad)
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := []byte(text)
		b[r.IntN(len(b)-4)] ^= 1 << r.IntN(7) // the last character of Base64 has bits that say nothing
		if got, _, err := OpenProof(string(b), keys); err == nil {
			t.Fatalf("a flipped bit is taken: %+v\n%s", got, b)
		}
	}
}

func TestReadAnchors(t *testing.T) {
	c := Checkpoint{"trail", 9, tlog.RecordHash(nil)}
	n := signed(t, c, key('k'))
	line := fmt.Sprintf("{\"size\":9,\"checkpoint\":%q}\n", n)
	keys := verifiers(t, "trail", key('k'))
	for _, a := range []struct {
		name, text   string
		good, forged int
		bad          bool
	}{
		{"note", n, 1, 0, false},
		{"note without its end", strings.TrimSuffix(n, "\n"), 1, 0, false},
		{"notes", n + n + "\n\n" + n, 3, 0, false},
		{"lines", line + line, 2, 0, false},
		{"mixed", n + line + n, 3, 0, false},
		{"torn line", line + line[:20], 1, 0, false},
		{"torn line, gone on", line + line[:20] + "\n" + line, 2, 1, false},
		{"forged", line + strings.Replace(n, "\n9\n", "\n8\n", 1), 1, 1, false},
		{"of another key", line + signed(t, c, key('m')), 1, 1, false},
		{"rubbish", line + "rubbish\n", 1, 1, false},
		{"a line without end", line + strings.Repeat("x", 1<<20) + "\n" + line, 2, 1, false},
		{"a line without end, last", line + strings.Repeat("{", 1<<20), 1, 0, false},
		{"nothing but rubbish", line + strings.Repeat("{\n", 5000), 1, 1000, false},
		{"only of another key", signed(t, c, key('m')), 0, 0, true},
		{"empty", "", 0, 0, true},
		{"empty lines", "\n\n\n", 0, 0, true},
	} {
		good, forged, err := ReadAnchors(strings.NewReader(a.text), keys)
		if len(good) != a.good || len(forged) != a.forged || errors.Is(err, ErrAnchor) != a.bad {
			t.Errorf("%s: %d good, %v, %v", a.name, len(good), forged, err)
		}
	}
}

// The newest checkpoint is the largest one, also where a store of before a rotation does not
// know its key; what another trail or nobody says counts for nothing.
func TestNewest(t *testing.T) {
	at := func(origin string, size int64, k byte) string {
		return signed(t, Checkpoint{origin, size, tlog.RecordHash(nil)}, key(k))
	}
	keys := verifiers(t, "trail", key('k'))
	forged := strings.Replace(at("trail", 8, 'k'), "\n8\n", "\n99\n", 1)
	for _, a := range []struct {
		name, text, origin string
		size               int64
	}{
		{"nothing", "", "trail", 0},
		{"rubbish", "<html>\n", "trail", 0},
		{"the largest, not the last", at("trail", 9, 'k') + at("trail", 7, 'k'), "trail", 9},
		{"forged", at("trail", 7, 'k') + forged, "trail", 7},
		{"of a key that came later", at("trail", 7, 'k') + at("trail", 9, 'm'), "trail", 9},
		{"only of such a key", at("trail", 9, 'm'), "trail", 9},
		{"of another trail", at("trail", 7, 'k') + at("other", 9, 'm'), "trail", 7},
		{"of a trail that has no name yet", at("trail", 9, 'm'), "", 0},
	} {
		if got, err := Newest(strings.NewReader(a.text), keys, a.origin); err != nil || got.Size != a.size {
			t.Errorf("%s: %d, %v, want %d", a.name, got.Size, err, a.size)
		}
	}
}

func FuzzOpenProof(f *testing.F) {
	text, keys := proven(f)
	f.Add(text)
	f.Fuzz(func(t *testing.T, s string) {
		if got, _, err := OpenProof(s, keys); err == nil && got != ev(got.Seq) {
			t.Errorf("proved %+v", got)
		}
	})
}

func FuzzReadAnchors(f *testing.F) {
	c := Checkpoint{"trail", 9, tlog.RecordHash(nil)}
	keys := verifiers(f, "trail", key('k'))
	f.Add(signed(f, c, key('k')))
	f.Add("{\"checkpoint\":\"\"}\n— x")
	f.Fuzz(func(t *testing.T, s string) {
		good, _, _ := ReadAnchors(strings.NewReader(s), keys)
		for _, a := range good {
			if a.Checkpoint != c {
				t.Errorf("an anchor that nobody signed: %+v", a)
			}
		}
	})
}
