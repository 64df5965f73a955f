package server

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// reply is a small response to a GET that is written at once.
type reply struct {
	header http.Header
	status int
	body   []byte
}

// Header implements http.ResponseWriter.
func (w *reply) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. The first status counts.
func (w *reply) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *reply) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, b...)
	return len(b), nil
}

// append writes the response behind dst: RFC 9112, Sections 4 and 5. Values cannot end
// their line: net/http, which writes them, makes spaces of line ends.
func (w *reply) append(dst []byte, now time.Time) []byte {
	if w.status == 0 {
		w.status, w.body = http.StatusInternalServerError, nil
	}
	w.header["Content-Length"] = []string{strconv.Itoa(len(w.body))} // whatever was announced: the next answer begins behind it
	b := bytes.NewBuffer(dst)
	b.WriteString("HTTP/1.1 ")
	b.Write(strconv.AppendInt(b.AvailableBuffer(), int64(w.status), 10))
	b.WriteByte(' ')
	b.WriteString(http.StatusText(w.status))
	b.WriteString("\r\n")
	_ = w.header.Write(b) // a buffer takes everything
	b.WriteString("Date: ")
	b.Write(now.UTC().AppendFormat(b.AvailableBuffer(), http.TimeFormat))
	b.WriteString("\r\n\r\n")
	b.Write(w.body)
	return b.Bytes()
}
