package detect

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// shape is the markup of a page as another tokenizer reads it: tags with the names of
// their attributes, and where comments and text stand.
func shape(page string) (s []string) {
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return s
		case html.TextToken:
			if len(s) == 0 || s[len(s)-1] != "text" {
				s = append(s, "text")
			}
		case html.CommentToken, html.DoctypeToken:
			s = append(s, "!")
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			t := z.Token()
			name := t.Type.String() + t.Data
			for _, a := range t.Attr {
				name += " " + a.Key
			}
			s = append(s, name)
		}
	}
}

// places are pages with a place for a value, written so that an ordinary value changes
// nothing about them.
var places = [][2]string{
	{"<p>", "</p><i>x</i>"}, {"<p title=\"", "\">a</p>"}, {"<p title='", "'>a</p>"}, {"<p><a title=", " id=x>a</a>"},
	{"<!-- ", " --><p>a</p>"}, {"<title>", "</title><p>a</p>"}, {"<textarea>", "</textarea><p>a</p>"}, {"<style>", "</style><p>a</p>"},
}

// TestWhatChangesTheMarkupIsFound: where a value gives the page another shape than an
// ordinary one in its place, it is live, or suspect.
func TestWhatChangesTheMarkupIsFound(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"<", ">", "\"", "'", " ", "=", "/", "!", "-", "--", "<b", "<b>", "</b>", "</title>", "</textarea", "</style >", "a", "onload=x", "-->", "<!--", "<?", "</", "&lt;"})
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.SampledFrom(places).Draw(t, "place")
		// A last byte that completes nothing: what the page itself completes, a value that
		// ends in "<", is not the value's doing and not found.
		value := strings.TrimSpace(strings.Join(rapid.SliceOfN(pieces, 1, 8).Draw(t, "value"), "")) + ";"
		page := place[0] + value + place[1]
		if !Suspicious(value) || strings.Count(page, value) != 1 || strings.Contains(value, "</>") { // a comment there, nothing here
			t.Skip()
		}
		var v Values
		v.add(Query, "q", value)
		d := New(&v, nil)
		d.Look([]byte(page))
		if d.position.lost() {
			t.Skip()
		}
		got := d.values[0].verdict == Live || d.values[0].verdict == Suspect
		plain, with := shape(place[0]+"xxxxx"+place[1]), shape(page)
		if changed := strings.Join(plain, "|") != strings.Join(with, "|"); changed && !got {
			t.Fatalf("%q in %q is %s, and the page has the shape %q instead of %q", value, page, d.values[0].verdict, with, plain)
		}
	})
}

// TestGateOfJSON: what it stops holds no suspicious value.
func TestGateOfJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringOf(rapid.SampledFrom([]rune("<>\"' /=:abconjavscript\t\nonJS%\\"))).Draw(t, "value")
		body, err := json.Marshal(map[string]any{"a": 1, "q": []string{value}})
		if err != nil {
			t.Fatal(err)
		}
		if Suspicious(value) && !gateJSON(body) {
			t.Fatalf("%q as %s", value, body)
		}
	})
}
