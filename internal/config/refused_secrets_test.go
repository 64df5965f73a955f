package config

import (
	"strings"
	"testing"
)

// No message shows a secret, wherever somebody wrote it in clear.
func TestRefusedSecrets(t *testing.T) {
	const clear = `a secret must not be written in clear (write where it is: env:NAME, file:PATH or cred:NAME)`
	const password = `a password must not be written in clear (store: { url: postgres://USER@HOST/DATABASE, password: env:PGPASSWORD })`
	rows := []refused{
		{8, "master_key: hunter2", `8:13: master_key: ` + clear},
		{8, "master_key: vault:hunter2", `8:13: master_key: ` + clear},
		{8, "master_key: env:hunter2-x", `8:13: master_key: ` + clear},
		{8, "metrics: { token: hunter2 }", `8:19: metrics.token: ` + clear},
		{8, "metrics: { tokn: hunter2 }", `8:12: unknown key "tokn" in metrics (did you mean "token"?)`},
		{8, "metrics: hunter2", `8:10: metrics is text (write a mapping with: token)`},
		{8, `store: "postgres://me:hunter2@db/x"`, `8:8: store: ` + password},
		{8, `store: "postgres://me:hun%zzter2@db/x"`, `8:8: store: the postgres URL cannot be read (write postgres://USER@HOST/DATABASE)`},
		{8, `store: "postgres://me@db/x?password=hunter2"`, `8:8: store: ` + password},
		{8, `store: "postgres://me@db/x?sslpassword=hunter2"`, `8:8: store: ` + password},
		{8, `store: { url: "postgres://me@db/x", password: hunter2 }`, `8:47: store.password: ` + clear},
		{8, `store: { url: "postgres://me:hunter2@db/x", password: env:P }`, `8:15: store.url: ` + password},
		{8, `store: "mysql://me:hunter2@db/x"`, `8:8: store: "mysql://[REDACTED]@db/x" is not a store address (write sqlite:PATH or postgres://USER@HOST/DATABASE)`},
		{8, `store: { url: sqlite:x, password: env:P }`, `8:35: store.password: a SQLite file has no password (remove it)`},
		{8, "log: { db_password: hunter2 }", "8:8: unknown key \"db_password\" in log (remove it; known here: level, format)\n8:21: " + clear},
		{8, "alerts: { webhook: https://h/hunter2, secret: hunter2 }", "8:47: alerts.secret: " + clear},
		{8, `alerts: { webhook: "http://h/hunter2", secret: env:A }`, `8:20: alerts.webhook: it takes no messages: the URL is not encrypted on the way (write an https URL; http is for localhost, 127.0.0.1 and [::1] only)`},
		{8, `alerts: { webhook: "https://me:hunter2@h/", secret: env:A }`, `8:20: alerts.webhook: it takes no messages: a user or password must not be written into the URL (messages are signed: the receiver verifies that)`},
		{8, `alerts: { webhook: "https://h/hunter2" }`, `8:20: alerts.secret is missing: messages are always signed (add secret: file:PATH; make one with: echo whsec_$(openssl rand -base64 32))`},
		{8, "login: { oidc: [ { name: x, issuer: \"https://x.example\", client_id: x, client_secret: hunter2 } ] }", "8:87: login.oidc[].client_secret: " + clear},
		{8, "# -----BEGIN RSA PRIVATE KEY-----hunter2", `8:3: the configuration contains a PEM block (put it into a file of its own and name that: cert_file, key_file, file:PATH)`},
		{8, "limiter: smk_live_hunter2hunter2", "8:10: the configuration contains an API key (remove it, and revoke it: sanmon key revoke ID)\n8:10: limiter: [REDACTED] is not a limiter (write local, or valkey://HOST:PORT)"},
		{8, `master_key: "-----BEGIN hunter2"`, "8:13: master_key: " + clear + "\n8:14: the configuration contains a PEM block (put it into a file of its own and name that: cert_file, key_file, file:PATH)"},
	}
	checkRefused(t, rows)
	for _, row := range rows {
		if _, err := parse("f", []byte(edit(row.line, row.text)), now); err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the secret: %v", row.text, err)
		}
	}
}

func TestLaterVersions(t *testing.T) {
	checkRefused(t, []refused{})
	off := minimal + "login: { passkey: false, totp: off, signup: closed, oidc: [] }\ndbsc: off\nclients: []\ncsp: {}\nalerts: {}\naudit: {}\n"
	if c, err := parse("f", []byte(off), now); err != nil || len(c.Warnings) > 0 {
		t.Errorf("what is off was not accepted: %v", err)
	}
	if _, err := parse("f", []byte(minimal+"login: { totp: false }\ndbsc: false\n"), now); err != nil {
		t.Errorf("false is off, too: %v", err)
	}
}
