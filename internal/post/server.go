// Package post sends letters to people: one-time links and notices, by SMTP, in the
// background, in English and Japanese.
package post

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/sanmon-gate/sanmon/secret"
)

// Letter is one mail to one person.
type Letter struct {
	To      string // one address, without a name
	Subject string
	Text    string
	HTML    string
}

// Server is the mail server that takes our letters. It is not changed after the first use.
type Server struct {
	Host  string
	Port  int
	TLS   bool // from the first byte (RFC 8314, Section 3)
	Plain bool // without encryption, for a server on this machine itself; otherwise STARTTLS is demanded
	User  string
	From  string // as a header has it: "Name <address>"
	// Password returns the password of User as it is now.
	Password func(context.Context) (secret.Value, error)
	// Refused, if set, is told that the server does not take the password, and reports
	// whether Password now returns another one: then the letter is tried once more.
	Refused func(context.Context) bool
	// Config, if set, is used instead of the system's roots; for tests.
	Config *tls.Config
}

// ErrPermanent is wrapped by errors that another try does not help.
var ErrPermanent = errors.New("the letter cannot be delivered")

// timeout bounds one delivery: the dial and each command.
const timeout = 20 * time.Second

// Deliver hands a letter to the server. Its errors name no address: a log with them
// would say who has asked for what.
func (s *Server) Deliver(ctx context.Context, l Letter) error {
	ctx, cancel := context.WithTimeout(ctx, 3*timeout)
	defer cancel()
	m, err := s.message(l)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	err = s.send(ctx, m)
	if refused(err) && s.Refused != nil && s.Refused(ctx) {
		err = s.send(ctx, m)
	}
	if unsent, ok := errors.AsType[notSent](err); ok {
		return s.failure(unsent.error, l.To)
	}
	return err
}

// send is one attempt. What the server or the way to it is to blame for is a notSent.
func (s *Server) send(ctx context.Context, m *gomail.Msg) error {
	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	if err := client.DialAndSendWithContext(ctx, m); err != nil {
		return notSent{err}
	}
	return nil
}

type notSent struct{ error }

func (e notSent) Unwrap() error { return e.error }

// refused reports whether the server did not take the password (RFC 4954, Section 6).
func refused(err error) bool {
	said, ok := errors.AsType[*textproto.Error](err)
	return ok && (said.Code == 535 || said.Code == 530)
}

// failure tells a refused letter from a server that cannot be reached.
func (s *Server) failure(err error, to string) error {
	said := errors.New(strings.ReplaceAll(err.Error(), to, "[recipient]"))
	sent, ok := errors.AsType[*gomail.SendError](err)
	if answer, is := errors.AsType[*textproto.Error](err); is && !ok && s.User != "" {
		said = fmt.Errorf("the server answered %d%s before it was given a letter (its text is left out: it may repeat the password; see login.smtp)", answer.Code, enhanced(answer.Msg))
	}
	if ok && !sent.IsTemp() && sent.ErrorCode() >= 500 {
		return fmt.Errorf("%w: %w", ErrPermanent, said)
	}
	return fmt.Errorf("deliver to %s:%d: %w", s.Host, s.Port, said)
}

// enhanced is the status code that an answer begins with, with a blank before it (RFC 3463,
// Section 2), empty without one.
func enhanced(text string) string {
	code, _, _ := strings.Cut(text, " ")
	if len(code) > len("5.999.999") || strings.Count(code, ".") != 2 || strings.Trim(code, "0123456789.") != "" {
		return ""
	}
	return " " + code
}

func (s *Server) client(ctx context.Context) (*gomail.Client, error) {
	options := []gomail.Option{gomail.WithPort(s.Port), gomail.WithTimeout(timeout), gomail.WithHELO("localhost"), gomail.WithTLSPolicy(gomail.TLSMandatory)}
	switch {
	case s.TLS:
		options = append(options, gomail.WithSSL())
	case s.Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.Config != nil {
		options = append(options, gomail.WithTLSConfig(s.Config))
	}
	if s.User != "" {
		password, err := s.Password(ctx)
		if err != nil {
			return nil, fmt.Errorf("read login.smtp.password: %w", err)
		}
		how := gomail.SMTPAuthAutoDiscover
		if s.Plain {
			how = gomail.SMTPAuthPlainNoEnc
		}
		options = append(options, gomail.WithSMTPAuth(how), gomail.WithUsername(s.User), gomail.WithPassword(string(password.Expose())))
	}
	return gomail.NewClient(s.Host, options...)
}

// message writes a letter down. Whatever is in it, it stays one letter to one person:
// addresses are parsed, and a line end in a header is refused.
func (s *Server) message(l Letter) (*gomail.Msg, error) {
	to, err := mail.ParseAddress(l.To)
	if err != nil || to.Address != l.To || strings.ContainsAny(l.Subject, "\r\n\x00") {
		return nil, errors.New("the address or the subject cannot stand in a header")
	}
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return nil, errors.New("login.smtp.from is no address")
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(from)
	m.ToMailAddress(to)
	m.Subject(l.Subject)
	m.SetDate()
	_, domain, _ := strings.Cut(from.Address, "@")
	m.SetMessageIDWithValue(secret.Random62(22) + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834, Section 5
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	return m, nil
}
