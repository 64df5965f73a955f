package storage

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
)

const familyColumns = `f.id, f.sid, f.client, f.scope, f.audience, f.bind, f.gen, f.rotated_at, f.rotated_from, f.rotated_agent, f.confirmed,
	f.redeliveries, f.idle_expires_at, f.retry_at, s.user_id, s.parent, s.auth_time, s.amr, s.acr, s.device, s.agent, s.networks,
	s.created_at, s.expires_at, s.revoked_at, s.revoke_reason`

const familyByID = `SELECT ` + familyColumns + ` FROM refresh_family f JOIN session s ON s.sid = f.sid WHERE f.id = $1`

func scanFamily(row scanner) (f refresh.Family, err error) {
	var id, bind []byte
	var scope, amr, networks string
	var rotated, confirmed, idle, retry, auth, created, expires, revoked int64
	err = row.Scan(&id, &f.SID, &f.Client, &scope, &f.Audience, &bind, &f.Gen, &rotated, &f.RotatedFrom, &f.RotatedAgent, &confirmed,
		&f.Redeliveries, &idle, &retry, &f.User, &f.Parent, &auth, &amr, &f.ACR, &f.Device, &f.Agent, &networks,
		&created, &expires, &revoked, &f.RevokeReason)
	if err != nil {
		return f, err
	}
	copy(f.ID[:], id) // the schema holds the length
	f.RotatedAt, f.IdleExpiresAt, f.RetryAt, f.AuthTime = at(rotated), at(idle), at(retry), at(auth)
	f.CreatedAt, f.ExpiresAt, f.RevokedAt, f.Confirmed = at(created), at(expires), at(revoked), confirmed != 0
	var bad [4]error
	f.Key, bad[0] = decodeHash("key thumbprint", bind)
	f.Scope, bad[1] = decodeList("scope", scope)
	f.AMR, bad[2] = decodeList("amr", amr)
	f.Networks, bad[3] = decodeList("networks", networks)
	return f, errors.Join(bad[:]...)
}

// FamilyByID implements refresh.Store.
func (db *DB) FamilyByID(ctx context.Context, id [16]byte) (refresh.Family, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	f, err := scanFamily(db.row(ctx, familyByID, id[:]))
	if errors.Is(err, sql.ErrNoRows) {
		err = refresh.ErrNotFound
	}
	if err != nil {
		return refresh.Family{}, db.failure("find a grant", err)
	}
	return f, nil
}

const insertFamily = `INSERT INTO refresh_family
	(id, sid, client, scope, audience, bind, gen, rotated_at, rotated_from, confirmed, redeliveries, idle_expires_at, retry_at, noted_at, rotated_agent)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14)`

// CreateGrant implements refresh.Store.
func (db *DB) CreateGrant(ctx context.Context, f refresh.Family, max int, ev audit.Event) (refresh.Family, error) {
	var made refresh.Family
	err := db.change(ctx, "create grant", func(t *transaction) (err error) {
		made, err = t.grant(f, max, ev)
		return err
	})
	if err != nil {
		return refresh.Family{}, err
	}
	return made, nil
}

// grant stores a family with its session. Whoever ends the login or the person takes the
// head row as we do, so what is read here stays true until the commit.
func (t *transaction) grant(f refresh.Family, max int, ev audit.Event) (refresh.Family, error) {
	if f.ID == [16]byte{} || f.Client == "" {
		return f, errors.New("grant without family id or client (fill both)")
	}
	if err := t.origin(&f); err != nil {
		return f, err
	}
	scope, err := encodeList("scope", f.Scope)
	if err == nil {
		err = exact("grant", f.Audience, f.RotatedFrom)
	}
	if err != nil {
		return f, err
	}
	r := session.Record{SID: f.SID, User: f.User, SecretHash: hashOfNothing(), Kind: session.Grant, Parent: f.Parent, Client: f.Client,
		Confirmed: true, CreatedAt: f.CreatedAt, AuthTime: f.AuthTime, LastSeenAt: f.CreatedAt, ExpiresAt: f.ExpiresAt,
		Networks: f.Networks, Device: f.Device, Agent: f.Agent, AMR: f.AMR, ACR: f.ACR}
	if err := t.addSession(r, max, ev); err != nil {
		return f, err
	}
	_, err = t.exec(insertFamily, f.ID[:], f.SID, f.Client, scope, f.Audience, encodeHash(f.Key), f.Gen, micros(f.RotatedAt),
		f.RotatedFrom, flag(f.Confirmed), f.Redeliveries, micros(f.IdleExpiresAt), micros(f.RetryAt), text(f.RotatedAgent))
	return f, t.conflict(err)
}

const disabledPrincipal = `SELECT 1 FROM principal WHERE id = $1 AND disabled <> 0`

// origin checks where a grant comes from, and takes over how the person authenticated.
func (t *transaction) origin(f *refresh.Family) error {
	if !holdable(f.Parent) || !holdable(f.User) {
		return refresh.ErrParent
	}
	var one int
	if err := t.row(disabledPrincipal, f.User).Scan(&one); !errors.Is(err, sql.ErrNoRows) {
		return cmp.Or(err, refresh.ErrParent)
	}
	if f.Parent == "" {
		return nil
	}
	p, err := scanSession(t.row(sessionBySID, f.Parent))
	if errors.Is(err, sql.ErrNoRows) {
		return refresh.ErrParent
	}
	if err != nil {
		return err
	}
	if p.User != f.User || p.Kind == session.Grant || !p.RevokedAt.IsZero() || !f.CreatedAt.Before(p.ExpiresAt) {
		return refresh.ErrParent
	}
	if f.AMR == nil {
		f.AMR, f.ACR = p.AMR, p.ACR
	}
	return nil
}

// ConfirmFamilies implements refresh.Store.
func (db *DB) ConfirmFamilies(ctx context.Context, marks []refresh.Mark) error {
	marks = slices.SortedFunc(slices.Values(marks), func(a, b refresh.Mark) int { return strings.Compare(a.SID, b.SID) })
	return db.touch(ctx, "note arrived refresh tokens", func(t *transaction) error {
		for _, m := range marks { // in one order for all nodes, so that none waits for another in a circle
			if !holdable(m.SID) {
				continue
			}
			if _, err := t.exec(confirmFamily, m.SID, m.Gen); err != nil {
				return err
			}
		}
		return nil
	})
}

const confirmFamily = `UPDATE refresh_family SET confirmed = 1 WHERE sid = $1 AND gen = $2 AND confirmed = 0`

// endGrant ends a grant and, for theft, the login that it came from with all that came
// from that. It returns the sids that ended.
func (t *transaction) endGrant(f refresh.Family, reason string, when time.Time, because audit.Event, whole bool) ([]string, error) {
	from := len(t.changes)
	n, err := t.exec(revokeSession, f.SID, micros(when), reason)
	if err != nil {
		return nil, err
	}
	if n == 1 {
		t.announce(change.Session, f.SID)
	}
	if whole && f.Parent != "" {
		if err := t.endOrigin(f, reason, when, because); err != nil {
			return nil, err
		}
	}
	ended := make([]string, 0, len(t.changes)-from)
	for _, c := range t.changes[from:] {
		ended = append(ended, c.ID)
	}
	return ended, nil
}

func (t *transaction) endOrigin(f refresh.Family, reason string, when time.Time, because audit.Event) error {
	n, err := t.exec(revokeSession, f.Parent, micros(when), reason)
	if err != nil {
		return err
	}
	if n == 1 {
		ev := because
		ev.Event, ev.SID, ev.Detail = audit.SessionRevoked, f.Parent, fmt.Sprintf("reason=%s by=%s", reason, f.SID)
		t.record(ev)
		t.announce(change.Session, f.Parent)
	}
	return t.endChildren([]string{f.Parent}, reason, micros(when), because)
}
