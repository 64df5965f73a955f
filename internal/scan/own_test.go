package scan

import "testing"

// TestOwnTree: this repository has no finding that a comment does not explain.
func TestOwnTree(t *testing.T) {
	var r Report
	if err := New(false).Path(t.Context(), &r, "../.."); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		t.Errorf("%s:%d: %s: %s", f.File, f.Line, f.Rule, f.Excerpt)
	}
	if r.Files < 500 || len(r.Allowed) == 0 {
		t.Errorf("%d files, %d allowed: the tree was not read", r.Files, len(r.Allowed))
	}
}
