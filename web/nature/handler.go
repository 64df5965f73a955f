package nature

import (
	"net/http"
	"strconv"
)

// WriteJSON answers with v as Marshal writes it, under a type that no browser takes for a
// page. When v cannot be put out, nothing is written and the error says why.
func (o *Output) WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := o.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err = w.Write(body)
	return err
}
