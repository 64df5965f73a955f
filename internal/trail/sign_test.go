package trail

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/internal/webhook"
	"github.com/sanmon-gate/sanmon/secret"
)

// A posted checkpoint is signed where there is a secret, under one id at every try. The
// end-to-end tests verify it with the reference library.
func TestASignedWebhook(t *testing.T) {
	var ids []string
	keys, err := webhook.ParseKeys(secret.NewString("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		ids = append(ids, r.Header.Get(webhook.FieldID))
		again := http.Header{}
		if sent := r.Header.Get(webhook.FieldTimestamp); sent != "" {
			at, err := time.Parse(time.RFC3339, time.Now().UTC().Format(time.RFC3339))
			if err != nil || len(sent) != 10 {
				t.Errorf("time %q", sent)
			}
			for back := range 10 { // it was a moment ago
				if keys.Sign(again, r.Header.Get(webhook.FieldID), at.Add(-time.Duration(back)*time.Second), body); again.Get(webhook.FieldTimestamp) == sent {
					break
				}
			}
		}
		if again.Get(webhook.FieldSignature) != r.Header.Get(webhook.FieldSignature) {
			t.Errorf("%v", r.Header)
		}
	}))
	defer srv.Close()
	h, line := NewWebhook(srv.URL), tree.Line{Size: 7, Checkpoint: "c\n"}
	for _, k := range []func(context.Context) (webhook.Keys, error){
		nil, func(context.Context) (webhook.Keys, error) { return webhook.Keys{}, nil }, func(context.Context) (webhook.Keys, error) { return keys, nil },
	} {
		h.Keys = k
		if err := errors.Join(h.Put(t.Context(), line), h.Put(t.Context(), line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Put(t.Context(), tree.Line{Size: 8, Checkpoint: "d\n"}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ids[:4], ""); got != "" {
		t.Errorf("without a secret: %q", got)
	}
	if ids[4] != ids[5] || ids[4] == ids[6] || !strings.HasPrefix(ids[4], "anchor_") || strings.Contains(ids[4], ".") {
		t.Errorf("%q", ids[4:])
	}
	h.Keys = func(context.Context) (webhook.Keys, error) { return webhook.Keys{}, errors.New("gone") }
	if err := h.Put(t.Context(), line); err == nil || len(ids) != 7 {
		t.Errorf("posted without the signature that was asked for: %v", err)
	}
}
