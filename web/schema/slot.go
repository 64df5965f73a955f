package schema

import "sync/atomic"

// Slot holds the document that is in force for one backend, and lets it be replaced
// while requests are judged. The zero value holds none. It is safe for concurrent use.
type Slot struct{ current atomic.Pointer[Document] }

// Document returns what is in force, nil while there is none.
func (s *Slot) Document() *Document { return s.current.Load() }

// Use puts a document in force for everything that begins from now on.
func (s *Slot) Use(d *Document) { s.current.Store(d) }
