package rig

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/miekg/dns"
)

// HMACMD5 is the secret of a TSIG key in base64 that signs with HMAC-MD5, which
// miekg/dns does no more and old clients do alone. It is a dns.TsigProvider, and safe for
// concurrent use.
type HMACMD5 string

// Generate returns the signature of a message. It fails when the secret is not base64.
func (s HMACMD5) Generate(message []byte, _ *dns.TSIG) ([]byte, error) {
	secret, err := base64.StdEncoding.DecodeString(string(s))
	if err != nil {
		return nil, fmt.Errorf("the secret is not base64: %w", err)
	}
	h := hmac.New(md5.New, secret)
	h.Write(message)
	return h.Sum(nil), nil
}

// Verify fails with dns.ErrSig when a message has another signature.
func (s HMACMD5) Verify(message []byte, t *dns.TSIG) error {
	want, err := s.Generate(message, t)
	if err != nil {
		return err
	}
	if got, err := hex.DecodeString(t.MAC); err != nil || !hmac.Equal(got, want) {
		return dns.ErrSig
	}
	return nil
}
