package publish_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"stayput.dev/internal/publish"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/tsig"
	"stayput.dev/internal/zone"
)

// secret is that of the key ns2, in base64.
const secret = "c2VjcmV0IG9mIHRoaXJ0eS10d28gb2N0ZXRzIGhlcmU="

// addKey gives the registry the key ns2 with an algorithm.
func (w *world) addKey(algorithm string) {
	w.t.Helper()
	octets, err := tsig.ParseSecret(secret)
	if err != nil {
		w.t.Fatal(err)
	}
	scheme, err := tsig.ParseScheme(algorithm)
	if err != nil {
		w.t.Fatal(err)
	}
	key := tsig.Key{Name: zone.MustName("ns2"), Secret: octets, Schemes: []tsig.Scheme{scheme}}
	_, err = w.registry.Apply(w.t.Context(), registry.Actor{}, func(*registry.State) (registry.Changes, error) {
		return registry.Changes{TSIG: tsig.Changes{Keys: []tsig.Key{key}}}, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// signedListener is a secondary that has a secret for the key ns2 and answers what is
// signed with it; it leaves the replies bare if it is told to.
func signedListener(t *testing.T, secret string, bare bool) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{
		PacketConn: conn, TsigSecret: map[string]string{"ns2.": secret},
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
			reply := new(dns.Msg).SetReply(m)
			switch asked := m.IsTsig(); {
			case asked == nil:
				reply.Rcode = dns.RcodeRefused
			case w.TsigStatus() != nil:
				reply.Rcode = dns.RcodeNotAuth
				reply.Extra = append(reply.Extra, &dns.TSIG{
					Hdr:       dns.RR_Header{Name: asked.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
					Algorithm: asked.Algorithm, TimeSigned: asked.TimeSigned, Fudge: 300, OrigId: m.Id, Error: dns.RcodeBadSig,
				})
				packet, _ := reply.Pack()
				_, _ = w.Write(packet)
				return
			case !bare:
				reply.SetTsig("ns2.", asked.Algorithm, 300, time.Now().Unix())
			}
			_ = w.WriteMsg(reply)
		}),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ActivateAndServe()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

// A notice is signed with the secondary's key, and only a reply that is signed with it
// shows that it was taken.
func TestNoticeIsSigned(t *testing.T) {
	t.Parallel()
	key := zone.MustName("ns2")
	for _, tt := range []struct {
		name, secret, algorithm string
		key                     zone.Name
		bare                    bool
		want                    string // in the error; "" for none
	}{
		{"signed", secret, "hmac-sha256", key, false, ""},
		{"signed by another algorithm", secret, "hmac-sha512", key, false, ""},
		{"no key", secret, "hmac-sha256", "", false, "REFUSED"},
		{"another secret", "bm90IHRoZSBzZWNyZXQ=", "hmac-sha256", key, false, "BADSIG to key ns2"},
		{"a reply without a signature", secret, "hmac-sha256", key, true, "NOERROR without a signature"},
		{"a key that is not there", secret, "hmac-sha256", zone.MustName("ns3"), false, "there is no TSIG key ns3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 10*time.Millisecond)
			w.addKey(tt.algorithm)
			w.notifier.SetSecondaries([]publish.Secondary{{Addr: signedListener(t, tt.secret, tt.bare), Key: tt.key}})
			var s publish.State
			until(t, func() bool { // what found no answer in time is sent again
				states := w.notifier.States()
				if len(states) == 1 {
					s = states[0]
				}
				return s.Taken || s.Err != nil && !strings.Contains(s.Err.Error(), "no answer")
			})
			if s.Taken != (tt.want == "") || tt.want != "" && !strings.Contains(s.Err.Error(), tt.want) {
				t.Errorf("%+v, want %q", s, tt.want)
			}
		})
	}
}

// With a new key, a secondary is told again.
func TestSecondaryGetsAnotherKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10*time.Millisecond)
	w.addKey("hmac-sha256")
	s := publish.Secondary{Addr: signedListener(t, secret, false)}
	w.notifier.SetSecondaries([]publish.Secondary{s})
	until(t, func() bool { states := w.notifier.States(); return len(states) == 1 && states[0].Err != nil })
	s.Key = zone.MustName("ns2")
	w.notifier.SetSecondaries([]publish.Secondary{s})
	until(t, func() bool { states := w.notifier.States(); return len(states) == 1 && states[0].Taken })
}
