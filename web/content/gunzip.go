package content

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"sync"
)

// Gunzip undoes gzip on small bodies that are to be settled. The zero value is ready; it
// is safe for concurrent use.
type Gunzip struct{ readers sync.Pool }

// Settle is the function Settle for a whole body in gzip. What is plainly a page with a
// charset is not unpacked further than its first bytes, and nothing beyond Window: there,
// and where it is no gzip, the type stays as it is.
func (z *Gunzip) Settle(contentType string, coded []byte) (string, Finding) {
	r, _ := z.readers.Get().(*gzip.Reader)
	if r == nil {
		r = new(gzip.Reader)
	}
	defer z.readers.Put(r)
	if r.Reset(bytes.NewReader(coded)) != nil {
		return contentType, ""
	}
	var first [256]byte
	n, err := io.ReadFull(r, first[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || !Wants(contentType, first[:n]) {
		return contentType, ""
	}
	body := bytes.NewBuffer(append(make([]byte, 0, 4<<10), first[:n]...))
	rest, err := io.CopyN(body, r, Window)
	if !errors.Is(err, io.EOF) || n+int(rest) > Window {
		return contentType, ""
	}
	return Settle(contentType, body.Bytes(), true)
}
