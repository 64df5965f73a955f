package portal

import (
	"net/http"
	"strings"

	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
)

// asset serves what the pages link to. Names contain the hash of the content, so an answer
// never changes.
func (p *Portal) asset(w http.ResponseWriter, r *http.Request, _ Visit) error {
	name := strings.TrimPrefix(r.URL.EscapedPath(), Prefix+views.AssetPrefix)
	if !p.Pages.views.Asset(w, r, name) {
		return refusal.New(refusal.RouteUnknown, "%.80q is no asset of this version", name)
	}
	return nil
}

// script serves what brings the CSRF token into requests and forms of scripts.
func (p *Portal) script(w http.ResponseWriter, r *http.Request, _ Visit) error {
	p.Pages.script.Serve(w, r)
	return nil
}

// problems explains every code: the page that the type of a problem document points to.
func (p *Portal) problems(w http.ResponseWriter, r *http.Request, _ Visit) error {
	w.Header().Set("Cache-Control", "no-store")
	p.Pages.views.Problems(w, r, http.StatusOK, views.Problems{Site: p.Pages.site, Codes: refusal.Codes()})
	return nil
}
