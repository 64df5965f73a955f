package config

import "testing"

func TestRefusedFields(t *testing.T) {
	checkRefused(t, []refused{
		{7, route("boundary: session, fields: { a: html }"), `7:69: routes[].fields.a: "html" is not a nature (write text, url, markdown, never, "html(ugc)" or "html(basic)")`},
		{7, route(`boundary: session, fields: { a: "html(all)" }`), `7:69: routes[].fields.a: "html(all)" is not a nature (write text, url, markdown, never, "html(ugc)" or "html(basic)")`},
		{7, route(`boundary: session, fields: { "a b": text }`), `7:66: routes[].fields: "a b" is not a name of a field (write the name of a form field, or of a JSON member with the ones around it: post.body)`},
		{7, route("boundary: session, fields: [a]"), `7:64: routes[].fields is a list (write names with their values: { NAME: … })`},
		{7, route("boundary: session, fields: {}, input: { fields: off }"), `7:85: routes[].input.fields: "off" is not a mode (write one of: enforce, observe)`},
	})
}

func TestFields(t *testing.T) {
	c, err := parse("f", []byte(minimal+"profiles:\n  p: { input: { fields: observe }, fields: { a: text } }\n"), now)
	if err != nil || c.Routes[0].Fields != nil || c.Routes[0].FieldsMode != Enforce {
		t.Fatalf("%v %+v", err, c.Routes[0])
	}
}
