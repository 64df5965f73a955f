package storage

import "github.com/sanmon-gate/sanmon/identity/session"

const raiseSession = `UPDATE session SET networks = $2, amr = $3, acr = $4, sudo_until = $5, agent = $6 WHERE sid = $1`

// raise notes what a new authentication makes of a session whose secret was just replaced.
func (t *transaction) raise(sid string, up *session.Raised) error {
	networks, err := encodeList("networks", up.Networks)
	if err != nil {
		return err
	}
	amr, err := encodeList("amr", up.AMR)
	if err != nil {
		return err
	}
	t.record(up.Event)
	_, err = t.exec(raiseSession, sid, networks, amr, text(up.ACR), micros(up.SudoUntil), text(up.Agent))
	return err
}
