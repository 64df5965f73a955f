package storage

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/identity/refresh"
)

const authCodeColumns = `user_id, sid, client, redirect_uri, scope, audience, challenge, nonce, bind, auth_time,
	created_at, expires_at, used_at, granted`

const insertAuthCode = `INSERT INTO auth_code (hash, ` + authCodeColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`

// CreateCode implements refresh.Store.
func (db *DB) CreateCode(ctx context.Context, hash [32]byte, c refresh.Code) error {
	scope, err := encodeList("scope", c.Scope)
	if err == nil {
		err = exact("authorization code", c.User, c.SID, c.Client, c.RedirectURI, c.Audience, c.Challenge, c.Nonce)
	}
	if err == nil && (c.User == "" || c.Client == "" || c.Challenge == "") {
		err = errors.New("user, client or challenge is empty (fill all three)")
	}
	if err != nil {
		return fmt.Errorf("store an authorization code: %w", err)
	}
	_, err = db.exec(ctx, insertAuthCode, hash[:], c.User, c.SID, c.Client, c.RedirectURI, scope, c.Audience, c.Challenge, c.Nonce,
		encodeHash(c.Key), micros(c.AuthTime), micros(c.CreatedAt), micros(c.ExpiresAt), micros(c.UsedAt), c.Granted)
	return db.failure("store an authorization code", err)
}

func scanAuthCode(row scanner) (c refresh.Code, err error) {
	var scope string
	var bind []byte
	var auth, created, expires, used int64
	err = row.Scan(&c.User, &c.SID, &c.Client, &c.RedirectURI, &scope, &c.Audience, &c.Challenge, &c.Nonce, &bind, &auth,
		&created, &expires, &used, &c.Granted)
	if err != nil {
		return c, err
	}
	c.AuthTime, c.CreatedAt, c.ExpiresAt, c.UsedAt = at(auth), at(created), at(expires), at(used)
	var bad [2]error
	c.Key, bad[0] = decodeHash("key thumbprint", bind)
	c.Scope, bad[1] = decodeList("scope", scope)
	return c, errors.Join(bad[:]...)
}

// useAuthCode is what makes a code good for one use: it holds once.
const useAuthCode = `UPDATE auth_code SET used_at = $2 WHERE hash = $1 AND used_at = 0 RETURNING ` + authCodeColumns

const (
	authCodeByHash  = `SELECT ` + authCodeColumns + ` FROM auth_code WHERE hash = $1`
	authCodeGranted = `UPDATE auth_code SET granted = $2 WHERE hash = $1`
)

// RedeemCode implements refresh.Store.
func (db *DB) RedeemCode(ctx context.Context, hash [32]byte, x refresh.Redemption) (refresh.Redeemed, error) {
	when, err := moment(x.At)
	if err != nil {
		return refresh.Redeemed{}, fmt.Errorf("redeem an authorization code: %w", err)
	}
	var r refresh.Redeemed
	var no error // a no that keeps what was written
	err = db.change(ctx, "redeem an authorization code", func(t *transaction) (err error) {
		r, no = refresh.Redeemed{}, nil
		r.Code, err = scanAuthCode(t.row(useAuthCode, hash[:], when))
		if errors.Is(err, sql.ErrNoRows) {
			return t.replayAuthCode(hash, x, &r)
		}
		if err != nil {
			return err
		}
		f, ev, err := x.Admit(r.Code)
		if err == nil {
			r.Family, err = t.grant(f, x.Max, ev)
			if err != nil && !errors.Is(err, refresh.ErrParent) {
				return err
			}
		}
		if no = err; no != nil {
			return nil
		}
		r.Code.Granted = r.Family.SID
		_, err = t.exec(authCodeGranted, hash[:], r.Family.SID)
		return err
	})
	if err != nil || no != nil {
		return refresh.Redeemed{}, cmp.Or(err, no)
	}
	return r, nil
}

// replayAuthCode ends what the first use of a code gave.
func (t *transaction) replayAuthCode(hash [32]byte, x refresh.Redemption, r *refresh.Redeemed) (err error) {
	r.Code, err = scanAuthCode(t.row(authCodeByHash, hash[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return refresh.ErrNotFound
	}
	if err != nil {
		return err
	}
	r.Replay = true
	if r.Code.Granted == "" {
		return errUnchanged // the first use was refused
	}
	r.Ended, err = t.endGrant(refresh.Family{SID: r.Code.Granted}, refresh.ReasonCodeReplay, x.At, x.Replayed(r.Code), false)
	if err == nil && len(r.Ended) > 0 {
		t.record(x.Replayed(r.Code))
	}
	return err
}

const pruneAuthCodes = `DELETE FROM auth_code WHERE hash IN (SELECT hash FROM auth_code WHERE expires_at < $1 LIMIT $2)`

// KeepCodes is how long a code is remembered after its end, so that a late replay still
// ends what it gave.
const KeepCodes = 24 * time.Hour
