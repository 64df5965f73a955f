package postgres

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sanmon-gate/sanmon/internal/storage"
)

// dialect takes the head row first, so that all changes stand in one order and none
// waits for another in a circle. The driver keeps statements prepared.
func dialect() storage.Dialect {
	return storage.Dialect{
		Name: "PostgreSQL", Clock: `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`, Lock: `SELECT id FROM head WHERE id = 1 FOR UPDATE`, Classify: classify,
	}
}

// classify reads SQLSTATE (postgresql.org/docs, Appendix A) and what stands before
// any answer of the server.
func classify(err error) (storage.Class, string) {
	if err == nil {
		return storage.Other, ""
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return classifyState(e.Code)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return storage.Unavailable, "look whether the server runs and can be reached"
	}
	if _, ok := errors.AsType[net.Error](err); ok || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) {
		return storage.Unavailable, "the connection to the server was lost"
	}
	return storage.Other, ""
}

func classifyState(code string) (storage.Class, string) {
	switch code {
	case "23505": // unique_violation
		return storage.Duplicate, ""
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return storage.Contended, "other changes were faster, several times"
	case "55P03", "57014": // lock_not_available, query_canceled
		return storage.Unavailable, "it did not answer in time"
	case "25006": // read_only_sql_transaction
		return storage.Unavailable, "the server is a read-only standby; name the primary"
	case "25P03": // idle_in_transaction_session_timeout
		return storage.Unavailable, "this process was too slow in the middle of a change"
	}
	switch code[:min(2, len(code))] {
	case "08": // connection_exception
		return storage.Unavailable, "look whether the server runs and can be reached"
	case "28": // invalid_authorization_specification
		return storage.Unavailable, "look at the user and the password of the store, and at pg_hba.conf"
	case "53": // insufficient_resources
		return storage.Unavailable, "the server is out of disk, memory or connections"
	case "57", "58": // operator_intervention, system_error
		return storage.Unavailable, "the server is stopping, starting or failing"
	case "3D": // invalid_catalog_name
		return storage.Unavailable, "create the database"
	}
	return storage.Other, ""
}
