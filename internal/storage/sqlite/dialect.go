package sqlite

import (
	"errors"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/sanmon-gate/sanmon/internal/storage"
)

// dialect needs no lock of its own: transactions begin as writers (BEGIN IMMEDIATE).
func dialect() storage.Dialect {
	return storage.Dialect{Name: "SQLite", Prepare: true, Classify: classify}
}

func classify(err error) (storage.Class, string) {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return storage.Other, ""
	}
	switch e.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY:
		return storage.Duplicate, ""
	case codes.SQLITE_BUSY_SNAPSHOT:
		return storage.Contended, remedyFor(err)
	}
	if remedy := remedyFor(err); remedy != "" {
		return storage.Unavailable, remedy
	}
	return storage.Other, ""
}

// locked reports that another process was in the way.
func locked(err error) bool {
	e, ok := errors.AsType[*driver.Error](err)
	return ok && e.Code()&0xff == codes.SQLITE_BUSY
}

// remedyFor says what an operator can do about an error of SQLite, "" when it is not
// one that an operator can do anything about. Codes: sqlite.org/rescode.html.
func remedyFor(err error) string {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return ""
	}
	switch e.Code() & 0xff {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_PROTOCOL:
		return "another process holds the database; look for a second server or a tool that has it open"
	case codes.SQLITE_FULL:
		return "free space on its disk"
	case codes.SQLITE_IOERR:
		return "look for a full or failing disk in the system log"
	case codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_AUTH:
		return "let the user of sanmon write the directory and the file"
	case codes.SQLITE_CANTOPEN:
		return "look whether the file and its directory exist and can be opened by the user of sanmon"
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return "the file is damaged or no database; restore a backup, or name another file"
	case codes.SQLITE_NOMEM:
		return "the process is out of memory"
	case codes.SQLITE_INTERRUPT:
		return "the call was given up"
	}
	return ""
}
