package portal

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// maxConfirm is how many query parameters a confirmation page carries along.
const maxConfirm = 200

// ConfirmPage answers a navigation to a GET route that is declared write and has no token:
// a form that sends the same parameters again with the token. path and query are the judged
// target, query without the token's parameter; token is of kind once.
//
// The browser writes the query anew, so a query that a form cannot write the same way is
// refused with input_invalid, in words that fit it; nothing is written then.
func (p *Pages) ConfirmPage(w http.ResponseWriter, r *http.Request, path, query, token, requestID string) error {
	fields, err := hiddenFields(query)
	if err != nil {
		return err
	}
	w.Header().Set("X-Request-Id", requestID)
	w.Header().Set("Cache-Control", "no-store")
	p.views.Confirm(w, r, http.StatusOK, views.Confirm{
		Site: p.site, Action: path, Fields: fields, TokenName: csrf.FieldName, Token: token,
	})
	return nil
}

func hiddenFields(query string) ([]views.Input, error) {
	var fields []views.Input
	if query == "" {
		return nil, nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, refusal.New(refusal.InputInvalid, "confirm a query: a parameter name is not well encoded")
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return nil, refusal.New(refusal.InputInvalid, "confirm a query: a parameter's value is not well encoded")
		}
		// Browsers leave out a field without name, fill "_charset_" themselves (HTML,
		// Section 4.10.22.4) and turn every line break into CRLF.
		if name == "" || name == "_charset_" || strings.ContainsAny(name+value, "\r\n\x00") {
			return nil, refusal.New(refusal.InputInvalid, "confirm a query: a form cannot send a parameter as it is (send the token as header X-Sanmon-Csrf)")
		}
		if fields = append(fields, views.Input{Name: name, Value: value}); len(fields) > maxConfirm {
			return nil, refusal.New(refusal.InputInvalid, "confirm a query: more than %d parameters", maxConfirm)
		}
	}
	return fields, nil
}
