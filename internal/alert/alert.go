package alert

import (
	"encoding/json"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/keys/redact"
	"github.com/sanmon-gate/sanmon/secret"
)

// Alert is a group on its way. From its first try on it does not grow any more: a message
// of one id has one content.
type Alert struct {
	ID string
	Group
	Due      time.Time // when it was to be sent first
	Attempts int       // tries so far, one under way included
}

// NewID names a message.
func NewID() string { return secret.NewID("msg_") }

// message is the body (Standard Webhooks, "Payload structure").
type message struct {
	Type      Type      `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the first event
	Data      data      `json:"data"`
}

type data struct {
	Gate    string        `json:"gate"`           // public URL
	Node    string        `json:"node,omitempty"` // of an alert that one node sends about itself
	Summary string        `json:"summary"`
	Count   int64         `json:"count"`
	First   time.Time     `json:"first"`
	Last    time.Time     `json:"last"`
	Trail   *span         `json:"trail,omitempty"`
	Events  []audit.Event `json:"events"`
}

// span is where in the audit trail the events are, others between them.
type span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Body is the message, without any credential. gate is the public URL, node the name of
// the machine, "" where the alert is not about one.
func (a Alert) Body(gate, node string) []byte {
	d := data{Gate: gate, Node: node, Summary: a.Type.summary(), Count: a.Count, First: a.First.UTC(), Last: a.Last.UTC(), Events: a.Events}
	if a.From > 0 {
		d.Trail = &span{a.From, a.To}
	}
	if d.Events == nil {
		d.Events = []audit.Event{}
	}
	b, err := json.Marshal(message{a.Type, a.First.UTC(), d})
	if err != nil { // times outside of the years that JSON knows
		b, _ = json.Marshal(message{Type: a.Type, Data: data{Gate: gate, Summary: a.Type.summary(), Count: a.Count, Events: []audit.Event{}}})
	}
	return redact.Line(b)
}

// NewTest is the alert of sanmon alerts test.
func NewTest(now time.Time) Alert {
	return Alert{ID: NewID(), Group: Group{Type: Test, Count: 1, First: now, Last: now}, Due: now, Attempts: 1}
}
