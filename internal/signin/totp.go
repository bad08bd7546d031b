package signin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238 §1.2; apps know nothing else
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Codes of apps (RFC 6238): six digits, of SHA-1, another every 30 seconds, which is
// what all apps take without being told.
const (
	totpStep   = 30 * time.Second
	totpSecret = 20 // octets (RFC 4226 §4, R6)
	totpWindow = 1  // steps that a clock may be off (RFC 6238 §5.2)
)

// stepAt returns the number of the step at a time.
func stepAt(t time.Time) int64 { return t.Unix() / int64(totpStep.Seconds()) }

// codeAt returns the code of a step (RFC 4226 §5.3).
func codeAt(secret []byte, step int64) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	m := hmac.New(sha1.New, secret)
	m.Write(counter[:])
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fff_ffff)%1_000_000)
}

// findStep returns the step whose code it is, of those around a time that are later
// than last, so that no code counts twice (RFC 6238 §5.2).
func findStep(secret []byte, code string, now time.Time, last int64) (int64, bool) {
	found, ok := int64(0), false
	for step := stepAt(now) - totpWindow; step <= stepAt(now)+totpWindow; step++ {
		if subtle.ConstantTimeCompare([]byte(codeAt(secret, step)), []byte(code)) == 1 && step > last {
			found, ok = step, true
		}
	}
	return found, ok
}

func newTOTPSecret() []byte {
	secret := make([]byte, totpSecret)
	_, _ = rand.Read(secret)
	return secret
}

// otpauth returns the secret as apps take it, of an account with an issuer. Neither
// may hold a colon, at which apps split.
func otpauth(secret []byte, issuer, name string) string {
	issuer, name = strings.ReplaceAll(issuer, ":", " "), strings.ReplaceAll(name, ":", " ")
	u := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + name,
		RawQuery: "secret=" + base32Text(secret) + "&issuer=" + strings.ReplaceAll(url.QueryEscape(issuer), "+", "%20"),
	}
	return u.String()
}

func base32Text(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// inGroups returns text in groups of four, to be typed.
func inGroups(text string) string {
	var out strings.Builder
	for i, c := range text {
		if i > 0 && i%4 == 0 {
			out.WriteByte(' ')
		}
		out.WriteRune(c)
	}
	return out.String()
}
