package headers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Apply is Edit.Apply one after another.
func TestApplyAgainstOneByOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name, value := rapid.SampledFrom([]string{"A", "B", "C"}), rapid.SampledFrom([]string{"1", "2"})
		edits := rapid.SliceOf(rapid.Custom(func(rt *rapid.T) Edit {
			return Edit{name.Draw(rt, "name"), value.Draw(rt, "value"), rapid.SampledFrom([]Op{Set, Add, Remove}).Draw(rt, "op")}
		})).Draw(rt, "edits")
		got, want := map[string][]string{"A": {"0"}}, map[string][]string{"A": {"0"}}
		Apply(edits, got)
		for _, e := range edits {
			e.Apply(want)
		}
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatal(d)
		}
	})
}
