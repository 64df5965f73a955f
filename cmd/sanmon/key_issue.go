package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/spf13/cobra"
)

// sealing is who a new key is encrypted for; the zero sealing prints it in clear.
type sealing struct {
	to         string
	recipients []age.Recipient
}

func (s *sealing) flag(c *cobra.Command) {
	c.Flags().StringVar(&s.to, "seal-to", "", "age recipient (age1…) that the new key is encrypted for; it is then never printed in clear")
}

// prepare reads the recipient, before there is a key.
func (s *sealing) prepare() error {
	if s.to == "" {
		return nil
	}
	if strings.HasPrefix(strings.ToUpper(s.to), "AGE-SECRET-KEY-") {
		return usageError{errors.New("--seal-to is the secret half of an age key (give the recipient, which begins with age1; make a new pair, this one has been on a command line)")}
	}
	if strings.ContainsAny(s.to, "\r\n#") {
		return usageError{errors.New("--seal-to is no age recipient (write one, as in age1…)")}
	}
	all, err := age.ParseRecipients(strings.NewReader(s.to))
	if err != nil {
		return usageError{errors.New("--seal-to is no age recipient (write one, as in age1…; age-keygen -y prints it)")}
	}
	s.recipients = all
	return nil
}

// seal encrypts a key (C2SP age-encryption.org/v1), armored.
func (s *sealing) seal(key secret.Value) (string, error) {
	var b bytes.Buffer
	a := armor.NewWriter(&b)
	w, err := age.Encrypt(a, s.recipients...)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(w, string(key.Expose())+"\n"); err != nil {
		return "", err
	}
	if err := errors.Join(w.Close(), a.Close()); err != nil {
		return "", err
	}
	return b.String(), nil
}

// issued prints a new key, for the only time: in clear, or encrypted for who asked for it.
// A key that cannot be encrypted is ended: nobody would have it.
func (e *environment) issued(ctx context.Context, service *apikey.Service, r apikey.Record, key secret.Value, s *sealing) error {
	if s.recipients == nil {
		return e.printJSON(struct {
			ID  string `json:"id"`
			Key string `json:"key"`
		}{r.ID, string(key.Expose())})
	}
	sealed, err := s.seal(key)
	if err != nil {
		_, end := service.Revoke(ctx, r.ID, "cli", time.Now())
		return errors.Join(fmt.Errorf("seal key %s: %w", r.ID, err), end)
	}
	return e.printJSON(struct {
		ID     string `json:"id"`
		Sealed string `json:"sealed"`
	}{r.ID, sealed})
}
