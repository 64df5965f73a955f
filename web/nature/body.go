package nature

import (
	"bytes"
	"mime"
	"strings"

	"github.com/sanmon-gate/sanmon/refusal"
)

// sink collects findings up to the bound.
type sink struct {
	fields *Fields
	found  []Finding
}

func (s *sink) full() bool { return len(s.found) >= maxFindings }

// value judges one value of a field, place says where an undeclared one stands.
func (s *sink) value(d *declared, value string, place func() string) {
	if problem := s.fields.judge(d, value); problem != "" {
		s.report(d, problem, place)
	}
}

func (s *sink) report(d *declared, problem string, place func() string) {
	f := Finding{Nature: Declaration{Nature: AsText}, Problem: problem}
	if d != nil {
		f.Field, f.Nature = d.name, d.Declaration
	} else {
		f.Place = place()
	}
	s.found = append(s.found, f)
}

// Query judges the parameters of a raw query, as of a form.
func (f *Fields) Query(query string) []Finding {
	if query == "" || !f.suspicious(query, "%3") {
		return nil
	}
	s := sink{fields: f}
	s.form(query, "parameter %d of the query")
	return s.found
}

// Body judges every value of a whole body: urlencoded, multipart/form-data, or JSON. An
// error is a *refusal.Refusal: the body cannot be read in one way only, and so not be
// judged. body is not changed.
func (f *Fields) Body(contentType string, body []byte) ([]Finding, error) {
	media, params, err := mediaType(contentType)
	if err != nil {
		return nil, err
	}
	s := sink{fields: f}
	switch {
	case media == "application/x-www-form-urlencoded":
		s.urlencoded(body)
	case media == "multipart/form-data":
		err = s.multipart(params["boundary"], body)
	case isJSON(media):
		err = s.json(body)
	default:
		err = refusal.New(refusal.TypeNotAllowed, "a body of this type has no fields that could be judged (send a form or JSON, or do without fields on this route)")
	}
	return s.found, err
}

// Judges reports whether bodies of a Content-Type can be judged.
func (f *Fields) Judges(contentType string) error {
	media, _, err := mediaType(contentType)
	if err == nil && media != "application/x-www-form-urlencoded" && media != "multipart/form-data" && !isJSON(media) {
		_, err = f.Body(contentType, nil)
	}
	return err
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// mediaType reads a Content-Type. Charsets in which "<" is another byte, or another
// byte is "<", are refused: backends decode by what the client says here.
func mediaType(contentType string) (string, map[string]string, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || strings.Contains(contentType, "*") { // RFC 2231 spellings are read differently
		return "", nil, refusal.New(refusal.TypeNotAllowed, "the Content-Type cannot be read in one way only, so the fields cannot be judged (send type/subtype with plain parameters)")
	}
	if !asciiCompatible(params["charset"]) {
		return "", nil, refusal.New(refusal.TypeNotAllowed, "the charset of the body is not one whose fields can be judged (send UTF-8)")
	}
	return media, params, nil
}

func asciiCompatible(charset string) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252":
		return true
	}
	return false
}

// urlencoded judges a form; and what is JSON under the name of a form, because backends
// read JSON whatever the type says.
func (s *sink) urlencoded(body []byte) {
	text := string(body)
	if s.fields.suspicious(text, "%3") {
		s.form(text, "field %d of the form")
	}
	if first := bytes.TrimLeft(body, " \t\r\n"); len(first) > 0 && (first[0] == '{' || first[0] == '[') {
		other := sink{fields: s.fields}
		if other.json(body) == nil && len(s.found) == 0 {
			s.found = other.found
		}
	}
}

// suspicious reports whether anything in raw can be wrong: a "<", plain or in the
// encoding that begins with escape, or a field that can be wrong without one. NUL bytes
// are a sign of a charset in which "<" looks different.
func (f *Fields) suspicious(raw, escape string) bool {
	return f.urls || strings.IndexByte(raw, '<') >= 0 || strings.Contains(raw, escape) || strings.IndexByte(raw, 0) >= 0
}
