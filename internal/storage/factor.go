package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/factor"
)

var _ factor.Store = (*DB)(nil)

const totpOfUser = `SELECT user_id, sealed, last_step, failures, created_at FROM totp WHERE user_id = $1`

// TOTP implements factor.Store.
func (db *DB) TOTP(ctx context.Context, user string) (factor.TOTP, error) {
	var t factor.TOTP
	if !holdable(user) {
		return t, fmt.Errorf("find second factor: %w", factor.ErrNotFound)
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	var created int64
	err := db.row(ctx, totpOfUser, user).Scan(&t.User, &t.Sealed, &t.LastStep, &t.Failures, &created)
	if errors.Is(err, sql.ErrNoRows) {
		err = factor.ErrNotFound
	}
	if err != nil {
		return factor.TOTP{}, db.failure("find second factor", err)
	}
	t.CreatedAt = at(created)
	return t, nil
}

const addTOTP = `INSERT INTO totp (user_id, sealed, last_step, failures, created_at) VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT (user_id) DO NOTHING`

// AddTOTP implements factor.Store.
func (db *DB) AddTOTP(ctx context.Context, x factor.TOTP, codes [][32]byte, ev audit.Event) error {
	created, err := moment(x.CreatedAt)
	if err == nil {
		err = exact("second factor", x.User)
	}
	if err == nil && (x.User == "" || len(x.Sealed) == 0) {
		err = errors.New("a second factor without user or sealed secret (fill both)")
	}
	if err != nil {
		return fmt.Errorf("add second factor: %w", err)
	}
	return db.change(ctx, "add second factor", func(t *transaction) error {
		n, err := t.exec(addTOTP, x.User, x.Sealed, x.LastStep, x.Failures, created)
		if err == nil && n == 0 {
			err = factor.ErrExists
		}
		if err != nil {
			return err
		}
		t.record(ev)
		if codes == nil {
			return nil
		}
		return t.replaceCodes(x.User, codes)
	})
}

const (
	removeTOTP  = `DELETE FROM totp WHERE user_id = $1`
	removeCodes = `DELETE FROM recovery_code WHERE user_id = $1`
	insertCode  = `INSERT INTO recovery_code (user_id, hash, used_at) VALUES ($1, $2, 0)`
)

// RemoveTOTP implements factor.Store.
func (db *DB) RemoveTOTP(ctx context.Context, user string, ev audit.Event) error {
	if !holdable(user) {
		return fmt.Errorf("remove second factor: %w", factor.ErrNotFound)
	}
	return db.change(ctx, "remove second factor", func(t *transaction) error {
		n, err := t.exec(removeTOTP, user)
		if err == nil && n == 0 {
			err = factor.ErrNotFound
		}
		if err != nil {
			return err
		}
		t.record(ev)
		_, err = t.exec(removeCodes, user)
		return err
	})
}

const useStep = `UPDATE totp SET last_step = $2, failures = 0 WHERE user_id = $1 AND last_step < $2`

// UseStep implements factor.Store.
func (db *DB) UseStep(ctx context.Context, user string, step int64) error {
	return db.touchOne(ctx, "use a code", useStep, factor.ErrSpent, user, step)
}

const failStep = `UPDATE totp SET failures = failures + 1 WHERE user_id = $1`

// FailStep implements factor.Store.
func (db *DB) FailStep(ctx context.Context, user string) error {
	return db.touchOne(ctx, "count a wrong code", failStep, factor.ErrNotFound, user)
}

// touchOne runs a statement that changes one row, or says that it found none.
func (db *DB) touchOne(ctx context.Context, op, query string, none error, user string, more ...any) error {
	if !holdable(user) {
		return fmt.Errorf("%s: %w", op, factor.ErrNotFound)
	}
	n, err := db.exec(ctx, query, append([]any{user}, more...)...)
	if err == nil && n == 0 {
		err = none
	}
	return db.failure(op, err)
}

// SetRecoveryCodes implements factor.Store.
func (db *DB) SetRecoveryCodes(ctx context.Context, user string, codes [][32]byte, ev audit.Event) error {
	if err := exact("recovery codes", user); err != nil || user == "" {
		return fmt.Errorf("set recovery codes: %w", errors.Join(err, errors.New("name their user")))
	}
	return db.change(ctx, "set recovery codes", func(t *transaction) error {
		t.record(ev)
		return t.replaceCodes(user, codes)
	})
}

func (t *transaction) replaceCodes(user string, codes [][32]byte) error {
	if _, err := t.exec(removeCodes, user); err != nil {
		return err
	}
	for _, c := range codes {
		if _, err := t.exec(insertCode, user, c[:]); err != nil {
			return err
		}
	}
	return nil
}

const countCodes = `SELECT COUNT(*) FROM recovery_code WHERE user_id = $1 AND used_at = 0`

// RecoveryCodes implements factor.Store.
func (db *DB) RecoveryCodes(ctx context.Context, user string) (int, error) {
	if !holdable(user) {
		return 0, nil
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	var n int
	err := db.row(ctx, countCodes, user).Scan(&n)
	return n, db.failure("count recovery codes", err)
}

const (
	useCode      = `UPDATE recovery_code SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at = 0`
	knowsCode    = `SELECT COUNT(*) FROM recovery_code WHERE user_id = $1 AND hash = $2`
	forgiveSteps = `UPDATE totp SET failures = 0 WHERE user_id = $1`
)

// UseRecoveryCode implements factor.Store. The event's detail is written here, with the
// number of codes that are left.
func (db *DB) UseRecoveryCode(ctx context.Context, user string, code [32]byte, at time.Time, ev audit.Event) (left int, err error) {
	when, err := moment(at)
	if err != nil || !holdable(user) {
		return 0, fmt.Errorf("use a recovery code: %w", errors.Join(err, factor.ErrNotFound))
	}
	err = db.change(ctx, "use a recovery code", func(t *transaction) error {
		n, err := t.exec(useCode, user, code[:], when)
		if err == nil && n == 0 {
			err = t.unused(user, code)
		}
		if err != nil {
			return err
		}
		if _, err = t.exec(forgiveSteps, user); err != nil {
			return err
		}
		if err = t.row(countCodes, user).Scan(&left); err != nil {
			return err
		}
		ev.Detail = fmt.Sprintf("factor=recovery_code left=%d", left)
		t.record(ev)
		return nil
	})
	return left, err
}

// unused says why no code was used.
func (t *transaction) unused(user string, code [32]byte) error {
	var n int
	if err := t.row(knowsCode, user, code[:]).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return factor.ErrSpent
	}
	return factor.ErrNotFound
}
