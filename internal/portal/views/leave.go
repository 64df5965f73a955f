package views

import (
	"html/template"
	"net/http"
)

// Leave is the view of the page by which a browser goes on to a client that it signed in
// for.
type Leave struct {
	Site      string
	To        string // a registered address with the response, whose scheme may be an app's own, or a path of this site
	RequestID string
}

// Link is the address as it stands in the page: it was registered, so that its scheme is
// one that may be followed.
//
//nature:allow the address is one of the configuration, judged when it was read
func (l Leave) Link() template.URL { return template.URL(l.To) } // sanmon:allow go-template-html registered in the configuration

// Leave writes the page. The browser follows by itself; where it does not, as apps of
// phones may want a touch, there is a link.
func (r *Renderer) Leave(w http.ResponseWriter, req *http.Request, status int, v Leave) {
	w.Header().Set("Refresh", "0; url="+v.To)
	r.page(w, req, status, "leave", func(t words) string { return t.text("leave.title") }, v)
}
