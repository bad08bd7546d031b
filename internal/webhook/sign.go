package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"stayput.dev/internal/feed"
)

// secretPrefix begins secrets as people see them (Standard Webhooks 1.0).
const secretPrefix = "whsec_"

// ErrBadSecret says that a text is no secret of a webhook.
var ErrBadSecret = errors.New("bad secret: whsec_ and 24 to 64 octets in base64")

// NewSecret returns 256 random bits to sign with.
func NewSecret() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}

// FormatSecret returns a secret as receivers take it.
func FormatSecret(secret []byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// ParseSecret reads what FormatSecret returned.
func ParseSecret(text string) ([]byte, error) {
	body, ok := strings.CutPrefix(text, secretPrefix)
	secret, err := base64.StdEncoding.DecodeString(body)
	if !ok || err != nil || len(secret) < 24 || len(secret) > 64 {
		return nil, ErrBadSecret
	}
	return secret, nil
}

// sign returns the signature of a message.
func sign(secret []byte, id string, at int64, body []byte) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(id + "." + strconv.FormatInt(at, 10) + "."))
	m.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// messageID returns the ID of an event: the same however often it is sent.
func messageID(lineage string, e *feed.Event) string {
	about := e.Host.String()
	if a, ok := e.Data.(feed.Account); ok {
		about = a.Account
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s %s", lineage, e.Revision, e.Kind, about))
	return "evt_" + hex.EncodeToString(sum[:16])
}
