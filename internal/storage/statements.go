package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// statements keeps the statements of every day prepared. It is filled once and only
// read afterwards; a text that is not in it is compiled each time.
type statements struct{ read, write map[string]*sql.Stmt }

func prepare(ctx context.Context, read, write *sql.DB) (statements, error) {
	var s statements
	var err error
	if s.read, err = prepareAll(ctx, read, readTexts()); err != nil {
		return s, err
	}
	s.write, err = prepareAll(ctx, write, writeTexts())
	return s, err
}

func prepareAll(ctx context.Context, pool *sql.DB, texts []string) (map[string]*sql.Stmt, error) {
	all := make(map[string]*sql.Stmt, len(texts))
	for _, text := range texts {
		st, err := pool.PrepareContext(ctx, text)
		if err != nil {
			return all, fmt.Errorf("%w in: %s", err, text)
		}
		all[text] = st
	}
	return all, nil
}

func (s statements) close() {
	for _, all := range []map[string]*sql.Stmt{s.read, s.write} {
		for _, st := range all {
			_ = st.Close()
		}
	}
}

func readTexts() []string {
	return []string{
		sessionBySecret, sessionBySID, familyByID, principalByID, principalByName, keyByID, keyPage,
		changesAfter, lastChange, eventsAfter,
	}
}

func writeTexts() []string {
	texts := []string{
		takeNumbers, insertEvent, insertAlso, insertChange,
		insertSession, evictSessions, otherSessions, endIdle, rotateSession, touchSession, revokeSession, revokeUserSessions, endChildren,
		sessionBySID, disabledPrincipal, familyByID, insertFamily, rotateFamily, redeliverFamily, noteFamily, confirmFamily,
		insertAuthCode, useAuthCode, authCodeByHash, authCodeGranted,
		insertPrincipal, setRoles, setDisabled, setPassword,
		insertKey, expireKey, revokeKey, keyExists, touchKey, spend,
		lockCount, keepCount, dropCount, useProof,
	}
	for n := range preparedReads {
		texts = append(texts, hashesOf(n+1))
	}
	return texts
}

// scanner is a row to be read.
type scanner interface{ Scan(...any) error }

// row reads one row outside of a transaction.
func (db *DB) row(ctx context.Context, query string, args ...any) *sql.Row {
	if st := db.prepared.read[query]; st != nil {
		return st.QueryRowContext(ctx, args...)
	}
	return db.read.QueryRowContext(ctx, query, args...)
}

// rows reads rows outside of a transaction.
func (db *DB) rows(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if st := db.prepared.read[query]; st != nil {
		return st.QueryContext(ctx, args...)
	}
	return db.read.QueryContext(ctx, query, args...)
}

// list reads every row of a query.
func list[T any](ctx context.Context, db *DB, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.rows(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scan)
}

// collect reads rows to their end and closes them.
func collect[T any](rows *sql.Rows, scan func(scanner) (T, error)) ([]T, error) {
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, v)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}
