package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
)

// A personal key lives at most a year, and a replaced one for a day.
const (
	maxKeyDays = 365
	keyOverlap = 24 * time.Hour
)

// createKey makes a key whose scopes are some of the person's own at this moment. What it
// may do later is what both it and its owner may then.
func createKey(p *Portal, ctx context.Context, me own, v Visit, _ *http.Request, f fields) (flash, error) {
	scopes := f.values["scope"]
	days, err := strconv.Atoi(f.get("days"))
	switch {
	case len(scopes) == 0:
		return flash{Error: "key_empty"}, nil
	case err != nil || days < 1 || days > maxKeyDays, p.Account.Keys.MaxLifetime > 0 && time.Duration(days)*24*time.Hour > p.Account.Keys.MaxLifetime:
		return flash{Error: "key_life"}, nil
	}
	mine := p.Scopes(me.Caller)
	for _, s := range scopes {
		if !slices.Contains(mine, s) {
			return flash{Error: "key_scopes"}, nil
		}
	}
	have, err := p.Account.Store.KeysOf(ctx, me.Subject, maxKeys)
	if err != nil {
		return flash{}, err
	}
	if len(have) >= maxKeys {
		return flash{Error: "key_many"}, nil
	}
	r, key, err := p.Account.Keys.Create(ctx, apikey.Spec{
		Owner: me.Subject, Env: p.Account.Env, Scopes: scopes, Lifetime: time.Duration(days) * 24 * time.Hour,
	}, me.Subject, v.Now)
	if err != nil {
		return flash{}, err
	}
	return p.made(ctx, me, v, r.ID, flash{Notice: "key_created", Secrets: expose([]secret.Value{key})})
}

// made hands a key over that was made, if it is listed: of many that are made at once, those
// that are beyond the bound go again.
func (p *Portal) made(ctx context.Context, me own, v Visit, id string, said flash) (flash, error) {
	have, err := p.Account.Store.KeysOf(ctx, me.Subject, maxKeys+1)
	if err != nil || len(have) > maxKeys {
		_, endErr := p.Account.Keys.Revoke(context.WithoutCancel(ctx), id, me.Subject, v.Now)
		return flash{Error: "key_many"}, errors.Join(err, endErr)
	}
	return said, nil
}

// rotateKey replaces a key, once: each key that it makes has the limit of the first and is
// listed, so that nobody multiplies a limit, or hides a key behind others.
func rotateKey(p *Portal, ctx context.Context, me own, v Visit, _ *http.Request, f fields) (flash, error) {
	all, err := p.Account.Store.KeysOf(ctx, me.Subject, maxKeys)
	if err != nil {
		return flash{}, err
	}
	id := f.get("id")
	alive := slices.ContainsFunc(all, func(k apikey.Record) bool {
		return k.ID == id && !k.Held() && (k.ExpiresAt.IsZero() || v.Now.Before(k.ExpiresAt))
	})
	switch {
	case !alive, slices.ContainsFunc(all, func(k apikey.Record) bool { return k.Replaces == id }):
		return flash{Error: "gone"}, nil
	case len(all) >= maxKeys:
		return flash{Error: "key_many"}, nil
	}
	r, key, err := p.Account.Keys.Rotate(ctx, id, keyOverlap, me.Subject, v.Now)
	if errors.Is(err, apikey.ErrReplaced) || errors.Is(err, apikey.ErrNotFound) {
		return flash{Error: "gone"}, nil
	}
	if err != nil {
		return flash{}, err
	}
	return p.made(ctx, me, v, r.ID, flash{Notice: "key_rotated", Secrets: expose([]secret.Value{key})})
}

func revokeKey(p *Portal, ctx context.Context, me own, v Visit, _ *http.Request, f fields) (flash, error) {
	key, err := p.ownKey(ctx, me, f.get("id"))
	if err != nil || key.ID == "" {
		return flash{Error: "gone"}, err
	}
	_, err = p.Account.Keys.Revoke(ctx, key.ID, me.Subject, v.Now)
	return flash{Notice: "key_revoked"}, err
}

// ownKey finds a key of the person; the zero Record when it is none of theirs.
func (p *Portal) ownKey(ctx context.Context, me own, id string) (apikey.Record, error) {
	all, err := p.Account.Store.KeysOf(ctx, me.Subject, maxKeys)
	for _, k := range all {
		if k.ID == id {
			return k, nil
		}
	}
	return apikey.Record{}, err
}
