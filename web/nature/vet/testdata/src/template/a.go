package template

import (
	"io"
	"net/http"
	"text/template"
)

func f(w http.ResponseWriter, out io.Writer, t *template.Template) {
	t.Execute(w, nil)                      // want `text/template escapes nothing, and writes to a browser`
	t.ExecuteTemplate(w, "x", nil)         // want `text/template escapes nothing, and writes to a browser`
	template.New("").Parse("<p>{{.}}</p>") // want `text/template escapes nothing, and the template is HTML`

	t.Execute(out, nil)
	template.New("").Parse("usage: tool <name> <path>")
}
