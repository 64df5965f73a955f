package clean

import (
	"html/template"
	"net/http"

	"github.com/sanmon-gate/sanmon/web/nature"
)

type note struct {
	Title string `out:"text"`
	Body  string `out:"html,policy=ugc,reason=the editor"`
	Key   string `out:"never"`
}

func f(w http.ResponseWriter, o *nature.Output, t *template.Template) error {
	v, err := o.View(note{})
	if err != nil {
		return err
	}
	return t.Execute(w, v)
}
