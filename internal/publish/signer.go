package publish

import (
	"encoding/hex"

	"github.com/miekg/dns"

	"stayput.dev/internal/tsig"
)

// signer makes and checks MACs with a key (RFC 8945 §5); nil for none, which finds no
// MAC good. It implements dns.TsigProvider.
type signer struct{ key *tsig.Key }

// Generate returns the MAC of a message.
func (s signer) Generate(message []byte, _ *dns.TSIG) ([]byte, error) {
	if s.key == nil {
		return nil, dns.ErrSecret
	}
	return s.key.MAC(message), nil
}

// Verify fails unless the MAC shows that the owner of the key sent the message.
func (s signer) Verify(message []byte, t *dns.TSIG) error {
	if s.key == nil || !isName(t.Hdr.Name, s.key.Name) || !isName(t.Algorithm, s.key.Algorithm()) {
		return dns.ErrSecret
	}
	mac, err := hex.DecodeString(t.MAC)
	if err != nil || !s.key.Proves(mac, message) {
		return dns.ErrSig
	}
	return nil
}
