package secret

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func master(t testing.TB, b byte) *Master {
	t.Helper()
	m, err := NewMaster(New(bytes.Repeat([]byte{b}, MasterSize)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNewMasterWants32Bytes(t *testing.T) {
	for _, n := range []int{0, 16, 31, 33, 64} {
		if _, err := NewMaster(New(make([]byte, n))); err == nil {
			t.Errorf("%d bytes are accepted", n)
		}
	}
}

// What was sealed opens with the same key and purpose, and in no other way.
func TestSeal(t *testing.T) {
	m, other := master(t, 1), master(t, 2)
	rapid.Check(t, func(rt *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(rt, "plain")
		purpose := rapid.String().Draw(rt, "purpose")
		sealed, err := m.Seal(purpose, plain)
		if err != nil {
			rt.Fatal(err)
		}
		if v, err := m.Open(purpose, sealed); err != nil || !bytes.Equal(v.Expose(), plain) {
			rt.Fatalf("opened as %q, %v", v.Expose(), err)
		}
		if len(plain) > 8 && bytes.Contains(sealed, plain) {
			rt.Fatal("the plain text is in it")
		}
		for name, open := range map[string]func() (Value, error){
			"another key":     func() (Value, error) { return other.Open(purpose, sealed) },
			"another purpose": func() (Value, error) { return m.Open(purpose+"x", sealed) },
			"cut": func() (Value, error) {
				return m.Open(purpose, sealed[:rapid.IntRange(0, len(sealed)-1).Draw(rt, "cut")])
			},
			"extended": func() (Value, error) { return m.Open(purpose, append(bytes.Clone(sealed), 0)) },
			"a flipped bit": func() (Value, error) {
				bad := bytes.Clone(sealed)
				bad[rapid.IntRange(0, len(bad)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
				return m.Open(purpose, bad)
			},
		} {
			if v, err := open(); !errors.Is(err, ErrSeal) || !v.Empty() {
				rt.Fatalf("%s: %v, want ErrSeal", name, err)
			}
		}
	})
}

func TestSealIsRandom(t *testing.T) {
	m := master(t, 1)
	a, _ := m.Seal("p", []byte("x"))
	b, _ := m.Seal("p", []byte("x"))
	if bytes.Equal(a[1:17], b[1:17]) || bytes.Equal(a[17:29], b[17:29]) {
		t.Error("salt or nonce is used twice")
	}
}

// shelf is a KeyStore in memory.
type shelf struct {
	mu   sync.Mutex
	keys map[string][]SealedKey
	err  error
}

func (s *shelf) ServerKeys(_ context.Context, purpose string) ([]SealedKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]SealedKey(nil), s.keys[purpose]...), s.err
}

func (s *shelf) AddServerKey(_ context.Context, k SealedKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range s.keys[k.Purpose] {
		if have.Version == k.Version {
			return ErrVersionTaken
		}
	}
	if s.keys == nil {
		s.keys = map[string][]SealedKey{}
	}
	s.keys[k.Purpose] = append(s.keys[k.Purpose], k)
	return s.err
}

func TestRing(t *testing.T) {
	s, m := &shelf{}, master(t, 1)
	var wg sync.WaitGroup
	rings := make([]*Ring, 8)
	for i := range rings { // eight nodes start at once
		wg.Go(func() {
			r, err := LoadRing(t.Context(), s, m, PurposePepper, nil)
			if err != nil {
				t.Error(err)
				return
			}
			rings[i] = r
		})
	}
	wg.Wait()
	for _, r := range rings {
		if r == nil || !r.Current().Value.Equal(rings[0].Current().Value) || r.Current().Version != 1 || len(r.Current().Value.Expose()) != 32 {
			t.Fatal("the nodes do not agree on one key")
		}
	}
	r := rings[0]
	if err := Rotate(t.Context(), s, m, PurposePepper, 2, nil); err != nil {
		t.Fatal(err)
	}
	if err := Rotate(t.Context(), s, m, PurposePepper, 2, nil); !errors.Is(err, ErrVersionTaken) {
		t.Errorf("version 2 a second time: %v", err)
	}
	if err := r.Load(t.Context(), s, m); err != nil || r.Current().Version != 2 || len(r.All()) != 2 {
		t.Errorf("after rotation: %v, version %d", err, r.Current().Version)
	}
	if k, ok := r.Version(1); !ok || !k.Value.Equal(rings[1].Current().Value) {
		t.Error("the old key is gone")
	}
	if _, ok := r.Version(3); ok {
		t.Error("a key that nobody made")
	}
}

// A ring that cannot be read again keeps what it has.
func TestRingKeepsTheLastGood(t *testing.T) {
	s, m := &shelf{}, master(t, 1)
	r, err := LoadRing(t.Context(), s, m, PurposeCSRF, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := r.Current()
	s.err = errors.New("gone")
	if err := r.Load(t.Context(), s, m); err == nil {
		t.Error("no error from a dead store")
	}
	s.err = nil
	if err := r.Load(t.Context(), s, master(t, 2)); !errors.Is(err, ErrSeal) {
		t.Errorf("another master key: %v", err)
	}
	saved := s.keys
	s.keys = nil
	if err := r.Load(t.Context(), s, m); err != nil {
		t.Error(err)
	}
	if got := r.Current(); got.Version != before.Version || !got.Value.Equal(before.Value) {
		t.Error("the ring was swapped to something worse")
	}
	s.keys = map[string][]SealedKey{PurposePepper: saved[PurposeCSRF]} // moved to another purpose by hand
	if _, err := LoadRing(t.Context(), s, m, PurposePepper, nil); !errors.Is(err, ErrSeal) {
		t.Errorf("a key of another purpose: %v", err)
	}
}

func TestRandom62(t *testing.T) {
	count := map[rune]int{}
	for _, c := range Random62(62_000) {
		count[c]++
	}
	for _, c := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		if n := count[c]; n < 800 || n > 1200 { // 1000 ± 6.3 standard deviations
			t.Errorf("%q comes %d times in 62000, want about 1000", c, n)
		}
	}
	if len(count) != 62 || len(Random62(0)) != 0 || len(Random62(61)) != 61 {
		t.Error("alphabet or length")
	}
	if id := NewID("usr_"); !strings.HasPrefix(id, "usr_") || len(id) != 24 || id == NewID("usr_") {
		t.Errorf("id %q", id)
	}
}
