package config

import "github.com/sanmon-gate/sanmon/internal/webhook"

// Alerts says where messages about theft, guessing and failures go.
type Alerts struct {
	Webhook string // "" nowhere
	Secret  string // reference of the signing secret; "" only where nothing is posted
}

// alertsKey is the section of alerts.
func alertsKey() key {
	return key{name: "alerts", doc: "Signed messages about what somebody should look at: theft, guessing, leaked keys, a failing audit trail, see alerts.md.", shape: section(
		key{name: "webhook", shape: one(webhookAddress()), example: "https://hooks.example.com/sanmon", doc: "Where they are posted, in the form of Standard Webhooks. Without one nobody is told."},
		key{name: "secret", secret: true, shape: one(secretRef()), example: "file:./data/alerts.secret",
			doc: "Reference of the secret that they are signed with: `whsec_` and base64 of 24 to 64 random bytes. Two, apart by a space, while the receiver goes from one to the next. Checkpoints that `audit.anchor` posts are signed with it, too."},
	)}
}

// webhookAddress is a URL that messages may be posted to.
func webhookAddress() scalar {
	return scalar{name: "URL", want: "write an https URL; http is for localhost, 127.0.0.1 and [::1] only", parse: func(s string) (any, error) {
		if _, err := webhook.Address(s); err != nil {
			return nil, wrong{"it takes no messages: " + err.Error(), ""}
		}
		return s, nil
	}}
}

// alerts reads the section.
func (b *builder) alerts(f *field) Alerts {
	to, with := f.get("webhook"), f.get("secret")
	if to.set && !to.bad && !with.set {
		b.fault(to.at, "add secret: file:PATH; make one with: echo whsec_$(openssl rand -base64 32)", "alerts.secret is missing: messages are always signed")
	}
	return Alerts{to.text(), b.reference(with)}
}
