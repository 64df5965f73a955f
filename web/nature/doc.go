// Package nature says, for every datum, whether it may be put out as HTML (M5 to M8).
//
// A datum is plain text unless it is declared otherwise, and a field of a Go struct is
// not put out at all until it is declared:
//
//	type Comment struct {
//		ID     int64  `out:"never"`                 // internal: in no answer to a browser
//		Author string `out:"text"`                  // escaped wherever it appears
//		Home   string `out:"url"`                   // http, https and mailto only
//		Body   string `out:"markdown"`              // rendered, then sanitised
//		Bio    string `out:"html,policy=ugc,reason=people write it in the editor"`
//	}
//
// An Output puts such values out: View for html/template, Marshal for JSON. Both leave
// out what is never, and neither returns markup that a named policy has not passed. The
// types Text, URL, Markdown and HTML carry the nature with the datum through a database
// and through JSON; they are structs, so that none converts to template.HTML.
//
// Fields is the same declaration at the gate, for a backend in any language: it finds
// values of a request that carry markup where the field is text. It never changes one.
//
// The analyzer in web/nature/vet finds what goes around all this. docs/nature.md is
// the guide.
package nature
