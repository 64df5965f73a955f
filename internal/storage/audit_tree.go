package storage

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
)

// preparedReads is for how many rows at once the reading of hashes is prepared: more are
// needed by one event in 2^preparedReads.
const preparedReads = 4

// hashesOf reads the stored hashes of n events.
func hashesOf(n int) string {
	var b strings.Builder
	b.WriteString("SELECT seq, hashes FROM audit WHERE seq IN ")
	placeholders(&b, 1, n)
	return b.String()
}

// errOutside says that an event has no hashes: it is older than the tree, or somebody took
// them away.
var errOutside = errors.New("an event has no place in the tree")

// treeReader reads stored hashes; it implements tlog.HashReader.
type treeReader func(query string, args ...any) (*sql.Rows, error)

// ReadHashes implements tlog.HashReader.
func (read treeReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	args := make([]any, len(indexes))
	for i, index := range indexes {
		seq, _ := tree.Place(index)
		args[i] = seq
	}
	rows, err := read(hashesOf(len(args)), args...)
	if err != nil {
		return nil, err
	}
	found := make(map[int64][]byte, len(indexes))
	_, err = collect(rows, func(row scanner) (none struct{}, err error) {
		var seq int64
		var hashes []byte
		err = row.Scan(&seq, &hashes)
		found[seq] = hashes
		return none, err
	})
	if err != nil {
		return nil, err
	}
	return pick(indexes, found)
}

func pick(indexes []int64, found map[int64][]byte) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		seq, offset := tree.Place(index)
		hashes, ok := found[seq]
		if !ok {
			return nil, fmt.Errorf("event %d is gone (see: sanmon audit verify)", seq)
		}
		if hashes == nil {
			return nil, fmt.Errorf("event %d: %w", seq, errOutside)
		}
		var err error
		if out[i], err = tree.At(seq, hashes, offset); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// grow returns the hashes that are stored with an event. Where it meets events that an
// older version wrote meanwhile, it takes them into the tree first.
func (t *transaction) grow(ev audit.Event) ([]byte, error) {
	var h tree.Hasher
	leaf := h.Leaf(&ev)
	hashes, err := tlog.StoredHashesForRecordHash(ev.Seq-1, leaf, treeReader(t.rows))
	if errors.Is(err, errOutside) {
		if _, err = t.adopt(); err == nil {
			hashes, err = tlog.StoredHashesForRecordHash(ev.Seq-1, leaf, treeReader(t.rows))
		}
	}
	return tree.Join(hashes), err
}
