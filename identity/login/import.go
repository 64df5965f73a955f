package login

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Imported is a person who comes from another program.
type Imported struct {
	Line     int // of the file, from 1
	Email    string
	Hash     secret.Value // of password.Importable; empty: no password
	Roles    []string
	Disabled bool
}

// MaxImport bounds how many people one import may bring.
const MaxImport = 1_000_000

// ReadImport reads people: CSV whose first line names the columns, or one JSON object a
// line. Columns and members are email, hash (or password, as Django's table calls it),
// roles (in CSV apart by spaces), and is_active or disabled. A hash that begins with "!" is
// Django's word for no password. All faults are reported, each with its line, and none
// quotes a hash.
func ReadImport(r io.Reader) ([]Imported, error) {
	buffered := bufio.NewReader(r)
	for {
		b, err := buffered.Peek(1)
		if err != nil {
			return nil, errors.New("the file is empty (the first line of CSV names the columns: email,hash,roles)")
		}
		if b[0] == '{' {
			return readLines(buffered)
		}
		if !strings.ContainsRune(" \t\r\n", rune(b[0])) {
			return readCSV(buffered)
		}
		_, _ = buffered.ReadByte() // it was peeked at
	}
}

func readCSV(r io.Reader) ([]Imported, error) {
	in := csv.NewReader(r)
	names, err := in.Read()
	if err != nil {
		return nil, errors.New("the first line cannot be read (it names the columns: email,hash,roles)")
	}
	names[0] = strings.TrimPrefix(names[0], "\ufeff")
	for i, name := range names {
		if !slices.Contains(importNames, name) || slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("line 1: column %d is none of %s, or comes twice", i+1, strings.Join(importNames, ", "))
		}
	}
	if !slices.Contains(names, "email") {
		return nil, errors.New("line 1: there is no column email")
	}
	return gather(func() (int, map[string]any, error) {
		values, err := in.Read()
		if errors.Is(err, io.EOF) {
			return 0, nil, err
		}
		if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
			return wrong.Line, nil, errors.New("it is not CSV with as many columns as the first line")
		}
		if err != nil {
			return 0, nil, io.EOF
		}
		line, _ := in.FieldPos(0)
		members := map[string]any{}
		for i, v := range values {
			members[names[i]] = v
		}
		return line, members, nil
	})
}

func readLines(r io.Reader) ([]Imported, error) {
	in, line := bufio.NewScanner(r), 0
	in.Buffer(nil, 64<<10)
	return gather(func() (int, map[string]any, error) {
		for in.Scan() {
			line++
			if strings.TrimSpace(in.Text()) == "" {
				continue
			}
			var members map[string]any
			if json.Unmarshal(in.Bytes(), &members) != nil {
				return line, nil, errors.New("it is not one JSON object")
			}
			return line, members, nil
		}
		if in.Err() != nil {
			return line + 1, nil, errors.New("it has more than 65536 bytes, or cannot be read")
		}
		return 0, nil, io.EOF
	})
}

// gather reads everything and collects the faults. A fault without members ends it when
// the same line comes again.
func gather(next func() (line int, members map[string]any, err error)) ([]Imported, error) {
	var people []Imported
	var faults []error
	seen := map[string]int{}
	last := -1
	for len(people) <= MaxImport && len(faults) < 50 {
		line, members, err := next()
		if errors.Is(err, io.EOF) || err != nil && line == last {
			return people, errors.Join(faults...)
		}
		last = line
		var p Imported
		if err == nil {
			p, err = imported(members)
		}
		if first := seen[p.Email]; err == nil && first > 0 {
			err = fmt.Errorf("the address is on line %d, too", first)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", line, err))
			continue
		}
		p.Line, seen[p.Email] = line, line
		people = append(people, p)
	}
	return people, errors.Join(append(faults, fmt.Errorf("more than %d people or 50 faults (correct the first ones, or divide the file)", MaxImport))...)
}

var importNames = []string{"email", "hash", "password", "roles", "is_active", "disabled"}

func imported(members map[string]any) (p Imported, err error) {
	for name, value := range members {
		text, isText := value.(string)
		switch name {
		case "email":
			ok := false
			if p.Email, ok = Canonical(text); !isText || !ok {
				return p, errors.New("its email is no address")
			}
		case "hash", "password":
			if !isText && value != nil || !p.Hash.Empty() {
				return p, fmt.Errorf("its %s is no text, or there are two", name)
			}
			if !strings.HasPrefix(text, "!") {
				p.Hash = secret.NewString(text)
			}
		case "roles":
			if p.Roles, err = rolesOf(value); err != nil {
				return p, err
			}
		case "is_active", "disabled":
			yes, ok := truth(value)
			if !ok {
				return p, fmt.Errorf("its %s is neither true nor false", name)
			}
			p.Disabled = p.Disabled || yes == (name == "disabled")
		default:
			return p, fmt.Errorf("it has a member that is none of %s", strings.Join(importNames, ", "))
		}
	}
	if p.Email == "" {
		return p, errors.New("it has no email")
	}
	if p.Hash.Empty() {
		return p, nil
	}
	return p, password.Importable(p.Hash)
}

func rolesOf(value any) ([]string, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return strings.Fields(v), nil
	case []any:
		roles := make([]string, 0, len(v))
		for _, one := range v {
			role, ok := one.(string)
			if !ok {
				return nil, errors.New("its roles are no list of texts")
			}
			roles = append(roles, role)
		}
		return roles, nil
	}
	return nil, errors.New("its roles are no list of texts")
}

// truth reads true and false as JSON, Python and databases write them.
func truth(value any) (yes, ok bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case float64:
		return v == 1, v == 0 || v == 1
	case string:
		switch strings.ToLower(v) {
		case "true", "t", "1":
			return true, true
		case "false", "f", "0":
			return false, true
		}
	}
	return false, false
}

// Import adds a person with the hash of another program. principal.ErrExists when the
// address is taken: who is here already keeps everything.
func (a Administration) Import(ctx context.Context, p Imported, actor string, now time.Time) error {
	r := principal.Record{ID: secret.NewID("usr_"), Kind: principal.User, Name: p.Email, Password: p.Hash, Roles: p.Roles, Disabled: p.Disabled, Version: 1, CreatedAt: now}
	ev := audit.Event{At: now, Event: audit.UserAdded, Subject: r.ID, Actor: actor, Detail: "imported"}
	return a.Store.CreatePrincipal(ctx, r, ev)
}
