package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/server"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// login.password: false closes the door that it names, at the next reload too.
func TestPasswordLoginCanBeSwitchedOff(t *testing.T) {
	r := newReal(t)
	pw := secret.NewString("a long walk in wet sand")
	admin := login.Administration{Store: r.layers.store, Hasher: password.New(password.Options{})}
	if _, err := admin.AddUser(t.Context(), login.NewUser{Email: "bo@example.com", Password: pw}, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, on := range []bool{true, false} {
		state, err := r.layers.compile(&config.Config{PublicURL: "http://localhost:8080", PublicHost: "localhost:8080", Login: config.Login{Password: on}}, 2)
		if err != nil {
			t.Fatal(err)
		}
		auth := state.Portal.(*server.Front).Portal.Auth
		_, err = auth.Login(t.Context(), portal.Attempt{Email: "bo@example.com", Password: pw, Network: r.from, Now: time.Now()})
		if on != (err == nil) || !on && refusal.From(err).Code != refusal.LoginFailed {
			t.Errorf("login.password %v: %v", on, err)
		}
	}
}

// A reload that would only look as if it had changed something is refused.
func TestReloadRefusesWhatOnlyAStartReads(t *testing.T) {
	old := config.Config{PublicURL: "http://localhost:8080", Metrics: config.Metrics{Token: "env:OLD"}, Log: config.Log{Format: "json"}}
	for name, change := range map[string]func(*config.Config){
		"metrics.token": func(c *config.Config) { c.Metrics.Token = "env:NEW" },
		"log.format":    func(c *config.Config) { c.Log.Format = "text" },
		"public_url":    func(c *config.Config) { c.PublicURL = "http://localhost:8081" },
	} {
		n := &node{logger: slog.New(slog.DiscardHandler)}
		n.config.Store(&old)
		c := old
		change(&c)
		if n.reload(&c) == nil {
			t.Errorf("%s changed while running", name)
		}
	}
}
