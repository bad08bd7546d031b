package mail

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// smtpTimeout is how long the mail server may take for one step.
const smtpTimeout = 30 * time.Second

// line is a connection to the mail server, opened when the first message needs it.
type line struct {
	opts   *Options
	own    ownTexts
	client *gomail.Client
	dead   bool // the server could not be reached
}

// send hands a message to the server.
func (l *line) send(ctx context.Context, m *Message) error {
	ctx, cancel := context.WithTimeout(ctx, 4*smtpTimeout)
	defer cancel()
	from, err := mail.ParseAddress(l.opts.From)
	if err != nil {
		return fmt.Errorf("reading the sender's address: %w", err)
	}
	msg, err := l.compose(m, from)
	if err != nil {
		return err
	}
	if l.client == nil {
		if err := l.dial(ctx); err != nil {
			l.dead = true
			return fmt.Errorf("reaching the mail server: %w", err)
		}
	}
	if err := l.client.Send(msg); err != nil {
		l.close()
		return err
	}
	return nil
}

func (l *line) dial(ctx context.Context) error {
	host, port, err := net.SplitHostPort(l.opts.Server)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	roots, err := readRoots(l.opts.RootCAs)
	if err != nil {
		return err
	}
	options := []gomail.Option{
		gomail.WithPort(number), gomail.WithTimeout(smtpTimeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, RootCAs: roots}),
	}
	switch l.opts.Security {
	case TLS:
		options = append(options, gomail.WithSSL())
	case Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if l.opts.Username != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(l.opts.Username), gomail.WithPassword(l.opts.Password))
	}
	client, err := gomail.NewClient(host, options...)
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return err
	}
	l.client = client
	return nil
}

// readRoots returns the certificates in a file, or nil for the system's.
func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(file + " holds no certificate")
	}
	return pool, nil
}

func (l *line) close() {
	if l.client != nil {
		_ = l.client.Close()
		l.client = nil
	}
}

// compose makes the message as it goes over the wire.
func (l *line) compose(m *Message, from *mail.Address) (*gomail.Msg, error) {
	letter, err := write(m, l.opts.Brand, l.own)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadMessage, err)
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	msg.ToMailAddress(&mail.Address{Address: m.To})
	msg.Subject(letter.subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(messageID(m.ID, from.Address))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetGenHeader("Content-Language", letter.language)
	if m.Unsubscribe != "" {
		msg.SetListUnsubscribe("<" + m.Unsubscribe + ">") // RFC 2369 §3.2
	}
	msg.SetBodyString(gomail.TypeTextPlain, letter.text)
	msg.AddAlternativeString(gomail.TypeTextHTML, letter.html)
	return msg, nil
}

// messageID returns the Message-ID of a message: the same each time that it is
// tried.
func messageID(id, from string) string {
	sum := sha256.Sum256([]byte(id))
	_, domain, _ := strings.Cut(from, "@")
	return hex.EncodeToString(sum[:16]) + "@" + domain
}

// isFinal tells whether trying again is of no use: the message cannot be made, or
// the server took our login and says that it will never take this message.
func isFinal(err error) bool {
	if errors.Is(err, ErrBadMessage) {
		return true
	}
	var refused *gomail.SendError
	return errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500 &&
		(refused.Reason == gomail.ErrSMTPRcptTo || refused.Reason == gomail.ErrSMTPDataClose)
}
