package post

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// TestLetters: every kind is written in both languages, with nothing left to fill in.
func TestLetters(t *testing.T) {
	facts := Facts{Site: "app.example.com", URL: "https://app.example.com/.sanmon/reset?token=x&y=<z>", Hours: "30m", Device: "Firefox on Linux", At: "2026-11-25 12:00 UTC", Network: "203.0.113.0/24"}
	for kind, en := range english() {
		ja := japanese()[kind]
		if len(ja) < 2 || strings.Count(strings.Join(en, ""), "{link}") != strings.Count(strings.Join(ja, ""), "{link}") {
			t.Errorf("%s: the two languages differ", kind)
		}
		if said := strings.Join(ja, ""); strings.Contains(said, "サインイン") || strings.Contains(said, "サインアウト") {
			t.Errorf("%s: the pages say ログイン and ログアウト", kind)
		}
		for _, lang := range []string{"en", "ja", "", "fr"} {
			l, err := Write("ada@example.com", lang, kind, facts)
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(l.Subject+l.Text, "{}\r") || strings.Contains(l.HTML, "{") || !strings.Contains(l.Subject, "app.example.com") || l.To != "ada@example.com" {
				t.Errorf("%s in %q: %q\n%s", kind, lang, l.Subject, l.Text)
			}
			if strings.Contains(l.HTML, "<z>") {
				t.Errorf("%s in %q: the HTML is not escaped:\n%s", kind, lang, l.HTML)
			}
			if (lang == "ja") != strings.Contains(l.HTML, `lang="ja"`) {
				t.Errorf("%s in %q: the language of the HTML", kind, lang)
			}
		}
	}
	if len(english()) != len(japanese()) {
		t.Error("a language has more letters")
	}
	if _, err := Write("ada@example.com", "en", "other", facts); err == nil {
		t.Error("a kind that there is not was written")
	}
}

// TestQueue: what fails for now is tried again after each of the pauses, what fails for
// good is not; a letter that waits keeps no other one back.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		began := time.Now()
		var log []string
		fails := map[string]error{"a": errors.New("later"), "b": errors.Join(ErrPermanent, errors.New("never"))}
		q := NewQueue(func(_ context.Context, l Letter) error {
			log = append(log, l.To+"@"+time.Since(began).String())
			return fails[l.To]
		}, quiet())
		q.Waits = []time.Duration{time.Minute, 5 * time.Minute}
		done := make(chan error)
		go func() { done <- q.Run(ctx) }()
		for _, to := range []string{"a", "b", "c", ""} {
			q.Post(func(context.Context) (*Letter, error) {
				if to == "" {
					return nil, nil
				}
				return &Letter{To: to}, nil
			})
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := strings.Join(log, " "); got != "a@0s b@0s c@0s a@1m0s a@6m0s" {
			t.Errorf("deliveries: %s", got)
		}
		if sent, failed, discarded := q.Counts(); sent != 1 || failed != 2 || discarded != 0 {
			t.Errorf("%d sent, %d failed, %d discarded", sent, failed, discarded)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestQueueIsBounded: what does not fit is refused at once.
func TestQueueIsBounded(t *testing.T) {
	q := NewQueue(nil, quiet())
	for i := range MaxWaiting + 10 {
		if ok := q.Post(func(context.Context) (*Letter, error) { return nil, nil }); ok != (i < MaxWaiting) {
			t.Fatalf("task %d: %v", i, ok)
		}
	}
	if _, _, discarded := q.Counts(); discarded != 10 {
		t.Errorf("%d discarded", discarded)
	}
}

func ExampleWrite() {
	l, _ := Write("ada@example.com", "en", Signup, Facts{Site: "app.example.com", URL: "https://app.example.com/.sanmon/reset?token=…", Hours: "24h"})
	_, _ = io.WriteString(io.Discard, l.Subject)
	// Output:
}

// TestRefusedSignInTellsNoPassword: servers repeat the line that they do not understand
// (RFC 5321, Section 4.2.1, leaves the text to them), which may be that with the password.
func TestRefusedSignInTellsNoPassword(t *testing.T) {
	s := &Server{Host: "mail.example", Port: 25, User: "robot"}
	for text, want := range map[string]string{
		"5.7.8 no: AUTH PLAIN AHJvYm90AGh1bnRlcjI=": "535 5.7.8 before", "unknown AUTH PLAIN AHJvYm90AGh1bnRlcjI=": "535 before", "hunter2 is wrong": "535 before", "hunter2": "535 before", "1.2.hunter2": "535 before", "": "535 before",
	} {
		err := s.failure(fmt.Errorf("dial failed: %w", &textproto.Error{Code: 535, Msg: text}), "ada@example.com")
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "AHJvYm90") || !strings.Contains(err.Error(), "answered "+want) || errors.Is(err, ErrPermanent) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
