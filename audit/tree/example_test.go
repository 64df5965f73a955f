package tree_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
)

// A proof is checked with nothing but the public key: no database, no server.
func ExampleOpenProof() {
	// What "sanmon audit key" and "sanmon audit prove" print:
	publicKey, proof := printed()

	keys, err := tree.Keys(publicKey)
	if err != nil {
		fmt.Println(err)
		return
	}
	event, checkpoint, err := tree.OpenProof(proof, keys)
	fmt.Println(event.Event, event.Subject, checkpoint.Size, err)

	_, _, err = tree.OpenProof(strings.Replace(proof, "index 0", "index 1", 1), keys)
	fmt.Println(err)
	// Output:
	// user.disabled usr_1 2 <nil>
	// the proof does not hold: the event has number 1 and stands at 1
}

// printed makes a trail of two events.
func printed() (publicKey, proof string) {
	var h tree.Hasher
	var b tree.Builder
	stored := map[int64][]byte{}
	events := []audit.Event{
		{Seq: 1, At: time.Unix(1, 0), Event: audit.UserDisabled, Subject: "usr_1", Actor: "cli"},
		{Seq: 2, At: time.Unix(2, 0), Event: audit.UserEnabled, Subject: "usr_1", Actor: "cli"},
	}
	for i := range events {
		stored[events[i].Seq] = tree.Join(b.Add(h.Leaf(&events[i])))
	}
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	c := tree.Checkpoint{Origin: "example", Size: b.Size(), Root: b.Root()}
	signer, _ := tree.NewSigner(c.Origin, key)
	note, _ := c.Sign(signer)
	p, _ := tree.Prove(events[0], c, note, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			seq, offset := tree.Place(index)
			out[i], _ = tree.At(seq, stored[seq], offset)
		}
		return out, nil
	}))
	publicKey, _ = tree.PublicKey(c.Origin, key.Public().(ed25519.PublicKey))
	return publicKey, p.String()
}
