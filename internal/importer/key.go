package importer

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // what keys of old installations say
	"crypto/sha1" //nolint:gosec // what keys of old installations say
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"strings"

	"github.com/miekg/dns"
)

// Key is a TSIG key (RFC 8945).
type Key struct {
	name, algorithm string // as domain names
	secret          []byte
	hash            func() hash.Hash
}

// keyShape finds the parts of a key as BIND's tools write it.
var keyShape = regexp.MustCompile(`(?s)key\s+"?([^"\s{]+)"?\s*\{.*?algorithm\s+"?([A-Za-z0-9.-]+)"?\s*;.*?secret\s+"?([A-Za-z0-9+/=]+)"?\s*;`)

// hashes are those of the algorithms, by name (RFC 8945 §6).
var hashes = map[string]func() hash.Hash{
	"hmac-md5": md5.New, "hmac-sha1": sha1.New, "hmac-sha224": sha256.New224,
	"hmac-sha256": sha256.New, "hmac-sha384": sha512.New384, "hmac-sha512": sha512.New,
}

// ReadKey reads the key of a file that ddns-confgen or tsig-keygen wrote. Its error
// does not tell what is in it.
func ReadKey(text string) (*Key, error) {
	parts := keyShape.FindStringSubmatch(text)
	if parts == nil {
		return nil, errors.New(`there is no key in it, as key "name" { algorithm hmac-sha256; secret "..."; };`)
	}
	algorithm := strings.TrimSuffix(strings.ToLower(parts[2]), ".")
	k := &Key{name: dns.CanonicalName(parts[1]), algorithm: dns.Fqdn(algorithm)}
	short := strings.TrimSuffix(algorithm, ".sig-alg.reg.int")
	if k.hash = hashes[short]; k.hash == nil {
		return nil, fmt.Errorf("its algorithm %s is not known", algorithm)
	}
	if short == "hmac-md5" {
		k.algorithm = dns.HmacMD5
	}
	var err error
	if k.secret, err = base64.StdEncoding.DecodeString(parts[3]); err != nil {
		return nil, errors.New("its secret is not base64")
	}
	return k, nil
}

// Generate returns the MAC of a message.
func (k *Key) Generate(message []byte, _ *dns.TSIG) ([]byte, error) {
	mac := hmac.New(k.hash, k.secret)
	mac.Write(message)
	return mac.Sum(nil), nil
}

// Verify tells whether the MAC of a message is right.
func (k *Key) Verify(message []byte, t *dns.TSIG) error {
	want, _ := k.Generate(message, t)
	got, err := hex.DecodeString(t.MAC)
	if err != nil || !hmac.Equal(got, want) || dns.CanonicalName(t.Hdr.Name) != k.name {
		return dns.ErrSig
	}
	return nil
}
