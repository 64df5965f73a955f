package server

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/web/nature"
)

// A large upload is judged on its way: what is well goes through whole, and of what is not
// the backend never gets the end.
func TestFieldsOfALargeUpload(t *testing.T) {
	var whole atomic.Int32
	h, gate, _ := house(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil {
			whole.Add(1)
		}
		w.Header().Set("X-Read", strconv.Itoa(len(b)))
		w.WriteHeader(http.StatusNoContent)
	}))
	fields, err := nature.NewFields(map[string]string{"title": "text"})
	if err != nil {
		t.Fatal(err)
	}
	route := h.State().Gate.Routes[0]
	route.Fields, route.MaxBody = fields, -1

	field := func(value string) string {
		return "--b\r\nContent-Disposition: form-data; name=title\r\n\r\n" + value + "\r\n"
	}
	file := "--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n" + strings.Repeat("<b>\r\n--", 3<<20/7) + "\r\n"
	for _, tt := range []struct {
		name, body string
		status     int
	}{
		{"well", field("a < b") + file + field("x") + "--b--\r\n", 204},
		{"wrong in the beginning", field("<b>") + file + "--b--\r\n", 422},
		{"wrong in the end", field("x") + file + field("<b>") + "--b--\r\n", 422},
		{"wrong and not ended", field("x") + file + strings.TrimSuffix(field("<b>"), "\r\n"), 422},
		{"not ended", field("x") + file, 422},
	} {
		for _, length := range []bool{true, false} {
			var body io.Reader = bytes.NewReader([]byte(tt.body))
			if !length {
				body = io.MultiReader(body) // of unknown length: chunked
			}
			r, err := http.NewRequest("POST", gate.URL+"/p/x", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			r.Header.Set("Origin", gate.URL)
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatalf("%s, length %v: %v", tt.name, length, err)
			}
			_ = res.Body.Close()
			if res.StatusCode != tt.status {
				t.Errorf("%s, length %v: %d, want %d", tt.name, length, res.StatusCode, tt.status)
			}
			if read := res.Header.Get("X-Read"); tt.status == 204 && read != strconv.Itoa(len(tt.body)) {
				t.Errorf("%s, length %v: the backend read %s of %d bytes", tt.name, length, read, len(tt.body))
			}
		}
	}
	if n := whole.Load(); n != 2 {
		t.Errorf("the backend read %d whole bodies, want the 2 that were well", n)
	}
	if sanmon.FieldsWindow > len(file) {
		t.Error("the file is not large")
	}
}
