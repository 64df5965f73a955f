package storage

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTimesAtRest(t *testing.T) {
	for _, c := range []struct {
		in   time.Time
		want int64
	}{
		{time.Time{}, 0}, {time.Unix(0, 0), 0}, {time.Unix(1, 1999), 1000001}, {time.Unix(-1, 0), -1000000},
		{time.Date(2026, 11, 25, 12, 0, 0, 123456789, time.FixedZone("JST", 9*3600)), 1795575600123456},
	} {
		if got := micros(c.in); got != c.want {
			t.Errorf("%s is %d at rest, want %d", c.in, got, c.want)
		}
	}
	if got := at(1795575600123456); got != time.Date(2026, 11, 25, 3, 0, 0, 123456000, time.UTC) {
		t.Errorf("reads as %s", got)
	}
	if !at(0).IsZero() {
		t.Error("0 is not the zero time")
	}
}

func TestListsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.String().Filter(holdable)).Draw(t, "list")
		s, err := encodeList("list", in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := decodeList("list", s)
		if err != nil || len(in) > 0 && !cmp.Equal(in, out) || len(in) == 0 && out != nil {
			t.Fatalf("%q reads as %q (%v)", in, out, err)
		}
	})
}

func TestDamagedRows(t *testing.T) {
	for _, s := range []string{"", "null ]", "{}", `["a"`, `[1]`, `"a"`} {
		if _, err := decodeList("roles", s); err == nil {
			t.Errorf("list %q: read", s)
		}
		if _, err := decodePrefixes(s); err == nil {
			t.Errorf("networks %q: read, and would mean any network", s)
		}
	}
	if _, err := decodePrefixes(`["203.0.113.0/24","x"]`); err == nil {
		t.Error("a network that cannot be read was left out")
	}
	for _, n := range []int{1, 31, 33} {
		if _, err := decodeHash("hash", make([]byte, n)); err == nil {
			t.Errorf("hash of %d bytes: read", n)
		}
	}
}

// FuzzText: whatever comes in, both databases can hold what comes out.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "é", "\x00", "\xff", "\xed\xa0\x80", strings.Repeat("é", 3000), strings.Repeat("\x80", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := text(s)
		if !utf8.ValidString(out) || strings.ContainsRune(out, 0) || len(out) > 4096 {
			t.Errorf("%q", out)
		}
		if len(s) <= 4096 && utf8.ValidString(s) && !strings.ContainsRune(s, 0) && out != s {
			t.Errorf("%q became %q", s, out)
		}
	})
}

// FuzzDecodeList: a list that reads is written as one that reads the same.
func FuzzDecodeList(f *testing.F) {
	for _, s := range []string{"[]", `["a","b"]`, `["\u0000"]`, "null", `["a",null]`, `[["a"]]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := decodeList("list", s)
		if err != nil {
			return
		}
		again, err := encodeList("list", list)
		if err != nil {
			return // entries that may not be written
		}
		if back, err := decodeList("list", again); err != nil || len(list)+len(back) > 0 && !cmp.Equal(list, back) {
			t.Errorf("%q: %q, then %q (%v)", s, list, back, err)
		}
	})
}

func TestMigrationNumbers(t *testing.T) {
	for _, c := range []struct {
		names []string
		good  bool
	}{
		{nil, true}, {[]string{"0001_a.sql", "0002_b.sql"}, true},
		{[]string{"0002_b.sql"}, false}, {[]string{"0001_a.sql", "0003_b.sql"}, false}, {[]string{"a.sql"}, false},
	} {
		files := fstest.MapFS{}
		for _, name := range c.names {
			files["migrations/"+name] = &fstest.MapFile{Data: []byte("SELECT 1")}
		}
		if steps, err := migrations(files); (err == nil) != c.good || c.good && len(steps) != len(c.names) {
			t.Errorf("%q: %d steps, %v", c.names, len(steps), err)
		}
	}
}
