package caller

import (
	"testing"

	"pgregory.net/rapid"
)

// Sets behave like sets of small numbers.
func TestSetAgainstModel(t *testing.T) {
	draw := func(rt *rapid.T, label string) (Set, map[int]bool) {
		var s Set
		m := map[int]bool{}
		for _, i := range rapid.SliceOf(rapid.IntRange(0, MaxScopes-1)).Draw(rt, label) {
			s, m[i] = s.Add(i), true
		}
		return s, m
	}
	rapid.Check(t, func(rt *rapid.T) {
		a, ma := draw(rt, "a")
		b, mb := draw(rt, "b")
		contains := true
		for i := range MaxScopes {
			if a.Has(i) != ma[i] || a.Union(b).Has(i) != (ma[i] || mb[i]) || a.Intersect(b).Has(i) != (ma[i] && mb[i]) {
				rt.Fatalf("bit %d", i)
			}
			contains = contains && (ma[i] || !mb[i])
		}
		if a.Contains(b) != contains || a.Len() != len(ma) || a.Empty() != (len(ma) == 0) {
			rt.Fatalf("%v %v", ma, mb)
		}
	})
}

func TestKindsAreTheWordsOfTheConfiguration(t *testing.T) {
	for kind, want := range map[Kind]string{Anonymous: "public", Session: "session", Token: "token", Key: "key", App: "app", 99: "unknown"} {
		if got := kind.String(); got != want {
			t.Errorf("%d: %q, want %q", kind, got, want)
		}
	}
}
