package tsig_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

var now = time.Unix(1_800_000_000, 0)

const secret = "c2VjcmV0IG9mIHRoaXJ0eS10d28gb2N0ZXRzIGhlcmU="

// key returns a key with the secret and the algorithms.
func key(t testing.TB, name string, algorithms ...string) tsig.Key {
	t.Helper()
	k := tsig.Key{Name: zone.MustName(name)}
	var err error
	if k.Secret, err = tsig.ParseSecret(secret); err != nil {
		t.Fatal(err)
	}
	for _, text := range algorithms {
		s, err := tsig.ParseScheme(text)
		if err != nil {
			t.Fatal(err)
		}
		k.Schemes = append(k.Schemes, s)
	}
	return k
}

func keyring(t testing.TB, keys ...tsig.Key) tsig.Keyring {
	t.Helper()
	c := tsig.Changes{Keys: keys}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return tsig.Keyring{}.With(&c)
}

// theirs makes MACs for miekg/dns, which has no MD5 and truncates none.
type theirs struct {
	size int // octets of a truncated MAC; 0: whole
}

func (p theirs) Generate(message []byte, t *dns.TSIG) ([]byte, error) {
	hashes := map[string]func() hash.Hash{
		dns.HmacMD5: md5.New, dns.HmacSHA1: sha1.New, dns.HmacSHA224: sha256.New224, dns.HmacSHA256: sha256.New,
		dns.HmacSHA384: sha512.New384, dns.HmacSHA512: sha512.New,
	}
	raw, err := base64.StdEncoding.DecodeString(secret)
	if err != nil || hashes[t.Algorithm] == nil {
		return nil, dns.ErrKeyAlg
	}
	m := hmac.New(hashes[t.Algorithm], raw)
	m.Write(message)
	sum := m.Sum(nil)
	if p.size > 0 {
		sum = sum[:p.size]
	}
	return sum, nil
}

func (p theirs) Verify(message []byte, t *dns.TSIG) error {
	want, err := p.Generate(message, t)
	if err != nil {
		return err
	}
	if got, err := hex.DecodeString(t.MAC); err != nil || !hmac.Equal(got, want) {
		return dns.ErrSig
	}
	return nil
}

// request returns a query that miekg/dns signed, and its MAC.
func request(t testing.TB, name, algorithm string, at time.Time, by dns.TsigProvider) (packet []byte, mac string) {
	t.Helper()
	m := new(dns.Msg).SetQuestion("home.example.org.", dns.TypeSOA)
	m.SetTsig(dns.Fqdn(name), algorithm, 300, at.Unix())
	packet, mac, err := dns.TsigGenerateWithProvider(m, by, "", false)
	if err != nil {
		t.Fatal(err)
	}
	return packet, mac
}

// find returns the TSIG record of a message, which ends it.
func find(t testing.TB, message []byte) tsig.Record {
	t.Helper()
	r, err := tsig.Read(message, start(t, message))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start returns where the TSIG record of a message starts.
func start(t testing.TB, message []byte) int {
	t.Helper()
	for at := 12; at < len(message); at++ {
		if _, err := tsig.Read(message, at); err == nil {
			return at
		}
	}
	t.Fatalf("no TSIG record in %x", message)
	return 0
}

// reply returns the reply to a query, not yet signed.
func reply(t testing.TB, packet []byte) []byte {
	t.Helper()
	var q dns.Msg
	if err := q.Unpack(packet); err != nil {
		t.Fatal(err)
	}
	out, err := new(dns.Msg).SetReply(&q).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A reply has the name of the key as the request spells it: miekg/dns knows it in no other
// case, and signs it in lower case.
func TestSpelling(t *testing.T) {
	t.Parallel()
	now := time.Now() // miekg/dns has no other clock
	keys := keyring(t, key(t, "router", "hmac-sha256"))
	for _, name := range []string{"router.", "Router.", "ROUTER."} {
		for _, algorithm := range []string{"hmac-sha256.", "HMAC-SHA256."} {
			m := new(dns.Msg).SetQuestion("home.example.org.", dns.TypeSOA).SetTsig(name, algorithm, 300, now.Unix())
			packet, mac, err := dns.TsigGenerate(m, secret, "", false)
			if err != nil {
				t.Fatal(err)
			}
			session, code := tsig.Verify(packet, find(t, packet), keys, now)
			if code != tsig.NoError {
				t.Fatalf("%s %s: %v", name, algorithm, code)
			}
			out := reply(t, packet)
			clear(packet) // its buffer may be used again by now
			signed := session.Sign(out, now)
			var got dns.Msg
			if err := got.Unpack(signed); err != nil {
				t.Fatal(err)
			}
			if spelled := got.IsTsig().Hdr.Name; spelled != name {
				t.Errorf("%s is answered as %s", name, spelled)
			}
			if err := dns.TsigVerify(signed, secret, mac, false); err != nil {
				t.Errorf("%s %s: %v", name, algorithm, err)
			}
		}
	}
}

// What miekg/dns signs is verified here, and what is signed here is verified there.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for text, wire := range map[string]string{
		"hmac-md5": dns.HmacMD5, "hmac-sha1": dns.HmacSHA1, "hmac-sha224": dns.HmacSHA224,
		"hmac-sha256": dns.HmacSHA256, "hmac-sha384": dns.HmacSHA384, "hmac-sha512": dns.HmacSHA512,
	} {
		keys := keyring(t, key(t, "Router.Example.ORG", text))
		packet, mac := request(t, "rOuter.example.org", wire, now, theirs{})
		s, fault := tsig.Verify(packet, find(t, packet), keys, now)
		if fault != tsig.NoError {
			t.Errorf("%s: error %d", text, fault)
			continue
		}
		plain := reply(t, packet)
		signed := s.Sign(bytes.Clone(plain), now)
		if len(signed)-len(plain) > s.Room() {
			t.Errorf("%s: Sign appended %d octets, Room is %d", text, len(signed)-len(plain), s.Room())
		}
		if err := dns.TsigVerifyWithProvider(signed, theirs{}, mac, false); isRefusal(err) {
			t.Errorf("%s: reply: %v", text, err)
		}
	}
}

// isRefusal tells whether an error of miekg/dns is about the MAC. It looks at the clock
// last.
func isRefusal(err error) bool { return err != nil && err != dns.ErrTime }

// The messages of a transfer hang together (RFC 8945 §5.3.1).
func TestStream(t *testing.T) {
	t.Parallel()
	keys := keyring(t, key(t, "secondary", "hmac-sha256"))
	packet, mac := request(t, "secondary", dns.HmacSHA256, now, theirs{})
	s, fault := tsig.Verify(packet, find(t, packet), keys, now)
	if fault != tsig.NoError {
		t.Fatalf("error %d", fault)
	}
	for i := range 5 {
		signed := s.Sign(reply(t, packet), now.Add(time.Duration(i)*time.Second))
		var m dns.Msg
		if err := m.Unpack(signed); err != nil {
			t.Fatal(err)
		}
		if err := dns.TsigVerifyWithProvider(signed, theirs{}, mac, i > 0); isRefusal(err) {
			t.Fatalf("message %d: %v", i, err)
		}
		mac = m.IsTsig().MAC
	}
}

// Not one bit may differ.
func TestForgery(t *testing.T) {
	t.Parallel()
	keys := keyring(t, key(t, "router", "hmac-sha256"), key(t, "router2", "hmac-sha256"))
	packet, _ := request(t, "router", dns.HmacSHA256, now, theirs{})
	r := find(t, packet)
	for i := 2; i < len(packet); i++ { // the ID may change on the way: the one that was signed stands in the record
		for bit := range 8 {
			forged := bytes.Clone(packet)
			forged[i] ^= 1 << bit
			for at := 12; at < len(forged); at++ {
				r, err := tsig.Read(forged, at)
				if err != nil {
					continue
				}
				if _, fault := tsig.Verify(forged, r, keys, now); fault == tsig.NoError && !sameName(r.Key) {
					t.Errorf("bit %d of octet %d makes no difference", bit, i)
				}
			}
		}
	}
	if _, fault := tsig.Verify(packet, r, keys, now); fault != tsig.NoError {
		t.Errorf("the packet as it was: error %d", fault)
	}
}

// sameName tells whether the key is the one that signed: case counts for nothing.
func sameName(n zone.Name) bool { return n == zone.MustName("router") }

func TestErrors(t *testing.T) {
	t.Parallel()
	keys := keyring(t, key(t, "router", "hmac-sha256"), key(t, "short", "hmac-sha256-128"), key(t, "both", "hmac-sha512", "hmac-md5"))
	tests := []struct {
		about     string
		key       string
		algorithm string
		at        time.Duration // from now
		size      int           // octets of the MAC
		tamper    bool
		want      tsig.Error
		signed    bool // the reply
	}{
		{about: "good", key: "router", want: tsig.NoError, signed: true},
		{about: "unknown key", key: "stranger", want: tsig.BadKey},
		{about: "another algorithm", key: "router", algorithm: dns.HmacSHA512, want: tsig.BadKey},
		{about: "an algorithm that nobody has", key: "router", algorithm: "hmac-none.", want: tsig.BadKey},
		{about: "MD5 where nobody asked for it", key: "router", algorithm: dns.HmacMD5, want: tsig.BadKey},
		{about: "the second algorithm", key: "both", algorithm: dns.HmacMD5, want: tsig.NoError, signed: true},
		{about: "wrong MAC", key: "router", tamper: true, want: tsig.BadSig},
		{about: "wrong MAC and time", key: "router", tamper: true, at: -time.Hour, want: tsig.BadSig},
		{about: "as late as can be", key: "router", at: -300 * time.Second, want: tsig.NoError, signed: true},
		{about: "too late", key: "router", at: -301 * time.Second, want: tsig.BadTime, signed: true},
		{about: "as early as can be", key: "router", at: 300 * time.Second, want: tsig.NoError, signed: true},
		{about: "too early", key: "router", at: 301 * time.Second, want: tsig.BadTime, signed: true},
		{about: "truncated", key: "router", size: 16, want: tsig.BadTrunc, signed: true},
		{about: "truncated, too late", key: "router", size: 16, at: -time.Hour, want: tsig.BadTime, signed: true},
		{about: "truncated as allowed", key: "short", size: 16, want: tsig.NoError, signed: true},
		{about: "truncated less than allowed", key: "short", size: 20, want: tsig.NoError, signed: true},
		{about: "truncated too far", key: "short", size: 15, want: tsig.FormErr},
		{about: "truncated too far, and wrong", key: "short", size: 15, tamper: true, want: tsig.FormErr},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			t.Parallel()
			algorithm := tt.algorithm
			if algorithm == "" {
				algorithm = dns.HmacSHA256
			}
			packet, mac := request(t, tt.key, algorithm, now.Add(tt.at), maker(algorithm, tt.size))
			r := find(t, packet)
			if tt.tamper {
				r.MAC[0] ^= 1
			}
			s, fault := tsig.Verify(packet, r, keys, now)
			if fault != tt.want {
				t.Fatalf("error = %d, want %d", fault, tt.want)
			}
			if s == nil {
				return
			}
			signed := s.Sign(reply(t, packet), now)
			checkReply(t, signed, tt.want)
			if has := len(find(t, signed).MAC) > 0; has != tt.signed {
				t.Errorf("the reply is signed: %v, want %v", has, tt.signed)
			}
			size := tt.size
			if tt.want == tsig.BadTrunc {
				size = 0 // policy allows no truncated ones
			}
			if err := dns.TsigVerifyWithProvider(signed, maker(algorithm, size), mac, false); tt.signed && isRefusal(err) {
				t.Errorf("reply: %v", err)
			}
		})
	}
}

// maker returns what makes MACs of an algorithm, also of those that there are not.
func maker(algorithm string, size int) dns.TsigProvider {
	if algorithm == "hmac-none." {
		return nonsense{}
	}
	return theirs{size}
}

type nonsense struct{}

func (nonsense) Generate([]byte, *dns.TSIG) ([]byte, error) { return make([]byte, 32), nil }
func (nonsense) Verify([]byte, *dns.TSIG) error             { return dns.ErrSig }

// checkReply holds the TSIG record of a reply against RFC 8945 §5.2.3 and §5.3.
func checkReply(t *testing.T, signed []byte, fault tsig.Error) {
	t.Helper()
	var m dns.Msg
	if err := m.Unpack(signed); err != nil {
		t.Fatal(err)
	}
	r := m.IsTsig()
	if r == nil || r.Error != uint16(fault) {
		t.Fatalf("TSIG record of the reply: %v, want error %d", r, fault)
	}
	if fault != tsig.BadTime {
		return
	}
	var theirTime [8]byte
	raw, err := hex.DecodeString(r.OtherData)
	if err != nil || len(raw) != 6 {
		t.Fatalf("other data %q", r.OtherData)
	}
	copy(theirTime[2:], raw)
	if got := int64(theirTime[2])<<40 | int64(theirTime[3])<<32 | int64(theirTime[4])<<24 | int64(theirTime[5])<<16 | int64(theirTime[6])<<8 | int64(theirTime[7]); got != now.Unix() {
		t.Errorf("our time is said to be %d, want %d", got, now.Unix())
	}
}

// FuzzVerify: whatever stands in a message, there is no panic, and nothing is good
// that was not signed.
func FuzzVerify(f *testing.F) {
	keys := keyring(f, key(f, "router", "hmac-sha256", "hmac-md5-80"))
	good, _ := request(f, "router", dns.HmacSHA256, now, theirs{})
	f.Add(good, start(f, good))
	short, _ := request(f, "router", dns.HmacMD5, now, theirs{10})
	f.Add(short, start(f, short))
	f.Fuzz(func(t *testing.T, message []byte, at int) {
		r, err := tsig.Read(message, at)
		if err != nil {
			return
		}
		kept := bytes.Clone(message)
		s, fault := tsig.Verify(message, r, keys, now)
		if !bytes.Equal(kept, message) {
			t.Error("the message was changed")
		}
		if s == nil {
			return
		}
		plain := make([]byte, 12)
		signed := s.Sign(bytes.Clone(plain), now)
		if len(signed) > len(plain)+s.Room() {
			t.Errorf("%d octets were appended, at most %d were promised", len(signed)-len(plain), s.Room())
		}
		back, err := tsig.Read(signed, len(plain))
		if err != nil || back.Key != r.Key || back.Algorithm != r.Algorithm || back.Error != fault {
			t.Errorf("TSIG record of the reply: %+v, %v", back, err)
		}
	})
}
