package trail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/internal/webhook"
)

// Sink is a place outside of the database for checkpoints.
type Sink interface {
	// Put returns when the checkpoint is safe there.
	Put(ctx context.Context, l tree.Line) error
}

// File appends to a file, which others may collect or make append-only. A line is on the
// disk when Put returns.
type File struct{ Path string }

// Put implements Sink.
func (f File) Put(_ context.Context, l tree.Line) (err error) {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
		return fmt.Errorf("anchor %s: %w", f.Path, err)
	}
	out, err := os.OpenFile(f.Path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("anchor %s: %w (let the user of sanmon append to it)", f.Path, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	line, err := json.Marshal(l)
	if err != nil {
		return err
	}
	torn, err := unfinished(out)
	if err != nil {
		return fmt.Errorf("anchor %s: %w", f.Path, err)
	}
	if torn {
		line = append([]byte{'\n'}, line...)
	}
	if _, err := out.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("anchor %s: %w", f.Path, err)
	}
	return out.Sync()
}

// unfinished reports a last line that a crash cut off.
func unfinished(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 || !info.Mode().IsRegular() {
		return false, err
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return last[0] != '\n', err
}

// Webhook posts the line as application/json. A status of 2xx says that it is kept;
// redirects are not followed. With Keys it is signed in the form of Standard Webhooks; the
// id of a checkpoint is the same at every try.
type Webhook struct {
	URL    string
	Client *http.Client
	Keys   func(context.Context) (webhook.Keys, error) // nil, or none: not signed
}

const webhookTimeout = 5 * time.Second

// NewWebhook has a client with a time limit.
func NewWebhook(url string) Webhook {
	return Webhook{URL: url, Client: &http.Client{
		Timeout:       webhookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// messageID names a checkpoint, without a full stop (Standard Webhooks, "Signature scheme").
func messageID(l tree.Line) string {
	sum := sha256.Sum256([]byte(l.Checkpoint))
	return "anchor_" + hex.EncodeToString(sum[:16])
}

// Put implements Sink. Its errors do not name the URL, which may hold a credential.
func (h Webhook) Put(ctx context.Context, l tree.Line) error {
	body, err := json.Marshal(l)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("anchor: the URL of audit.anchor cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	if h.Keys != nil {
		keys, err := h.Keys(ctx)
		if err != nil {
			return fmt.Errorf("anchor: the signing secret: %w", err)
		}
		if !keys.Empty() {
			keys.Sign(req.Header, messageID(l), time.Now(), body)
		}
	}
	res, err := h.Client.Do(req)
	if err != nil {
		return fmt.Errorf("anchor: the webhook does not answer: %w", withoutURL(err))
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("anchor: the webhook answered %d (it should answer 2xx when the checkpoint is kept)", res.StatusCode)
	}
	return nil
}
