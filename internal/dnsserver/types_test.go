package dnsserver_test

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"stayput.dev/internal/dnsserver"
	"stayput.dev/internal/zone"
)

// recordTypes is all types that people use, as they stand in a master file, and
// as an export writes them when that is not the same.
var recordTypes = []struct{ in, out string }{
	{"A 192.0.2.1", ""},
	{`A \# 4 c0000201`, "A 192.0.2.1"}, // RFC 3597 §5
	{`TYPE1 \# 4 C0000201`, "A 192.0.2.1"},
	{"AAAA 2001:DB8:0:0::1", "AAAA 2001:db8::1"},
	{"AAAA ::ffff:192.0.2.1", ""},
	{"NS ns1", "NS ns1.example.org."},
	{"CNAME home", "CNAME home.example.org."},
	{"DNAME elsewhere.example.net.", ""},
	{"MX 10 mail", "MX 10 mail.example.org."},
	{"MX 0 .", ""}, // RFC 7505
	{"TXT bare", `TXT "bare"`},
	{`TXT "two words" "\"quotes\"" "semi;colon" "back\\slash" "\001\255" ""`, ""},
	{"TXT ( \"over\"\n  \"lines\" )", `TXT "over" "lines"`},
	{`TXT "` + strings.Repeat("x", 255) + `"`, ""},
	{"SRV 1 2 5060 home", "SRV 1 2 5060 home.example.org."},
	{"SRV 0 0 0 .", ""},
	{`CAA 0 issue "ca.example.net; validationmethods=dns-01"`, ""},
	{`CAA 128 iodef "mailto:security@example.org"`, ""},
	{`CAA 0 issue ";"`, ""},
	{"PTR home", "PTR home.example.org."},
	{"SSHFP 4 2 " + strings.Repeat("0123456789abcdef ", 4), "SSHFP 4 2 " + strings.Repeat("0123456789ABCDEF", 4)},
	{"TLSA 3 1 1 " + strings.Repeat("0123456789abcdef", 4), ""},
	{"HTTPS 0 home", "HTTPS 0 home.example.org."},
	{`HTTPS 1 . port=8443 ipv6hint=2001:db8::1 alpn=h3,h2 ipv4hint=192.0.2.1,192.0.2.2`, `HTTPS 1 . alpn="h3,h2" port="8443" ipv4hint="192.0.2.1,192.0.2.2" ipv6hint="2001:db8::1"`},
	{`HTTPS 1 home mandatory=ipv4hint,alpn alpn=h2 no-default-alpn ipv4hint=192.0.2.1 ech=AAT+DQAA key65333="a\"b c"`, `HTTPS 1 home.example.org. mandatory="alpn,ipv4hint" alpn="h2" no-default-alpn="" ipv4hint="192.0.2.1" ech="AAT+DQAA" key65333="a\"b\ c"`},
	{`SVCB 1 home alpn=dot dohpath=/dns-query{?dns}`, `SVCB 1 home.example.org. alpn="dot" dohpath="/dns-query{?dns}"`},
	{`SVCB 16 . key667=hello\210qoo`, `SVCB 16 . key667="hello\210qoo"`},
	{`NAPTR 100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp`, `NAPTR 100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp.example.org.`},
	{`NAPTR 100 50 "u" "E2U+sip" "!^(\\+441632960083)$!sip:\\1@example.com!" .`, ""},
	{"LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", "LOC 52 22 23.000 N 04 53 32.000 E -2m 0.00m 10000m 10m"},
	{"LOC 42 21 54 N 71 06 18 W -24m 30m", "LOC 42 21 54.000 N 71 06 18.000 W -24m 30m 10000m 10m"},
	{"DS 12345 13 2 " + strings.Repeat("0123456789abcdef", 4), "DS 12345 13 2 " + strings.Repeat("0123456789ABCDEF", 4)},
	{`URI 10 1 "https://www.example.org/"`, ""},
	{"OPENPGPKEY mQENBFVHm5sBCADLlKtz", ""},
	{"SMIMEA 3 1 1 0123456789abcdef", ""},
	{"CERT PKIX 0 0 AAAA", ""},
	{`HINFO "PC" "Linux"`, ""},
	{"RP admin.example.org. text", "RP admin.example.org. text.example.org."},
	{"AFSDB 1 home", "AFSDB 1 home.example.org."},
	{"KX 10 home", "KX 10 home.example.org."},
	{"DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==", ""},
	{"CDS 0 0 0 00", ""},
	{"CDNSKEY 0 3 0 AA==", ""},
	{"CSYNC 66 3 A NS AAAA", ""},
	{"APL 1:192.0.2.0/24 !2:2001:db8::/32", ""},
	{"IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==", ""},
	{"DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=", ""},
	{"EUI48 00-00-5e-00-53-2a", ""},
	{"EUI64 00-00-5e-ef-10-00-00-2a", ""},
	{"L32 10 10.1.2.0", ""},
	{"L64 10 2001:0DB8:1140:1000", ""},
	{"LP 10 home", "LP 10 home.example.org."},
	{"NID 10 0014:4fff:ff20:ee64", ""},
	{"HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cI", "HIP 2 200100107b1a74df365639cc39f1d578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cI"},
	{"ZONEMD 7 1 1 " + strings.Repeat("0123456789abcdef", 6), ""},
	{"AMTRELAY 10 0 1 203.0.113.15", ""},
	{"X25 311061700956", ""},
	{"ISDN 150862028003217 004", `ISDN "150862028003217" "004"`},
	{"RT 10 home", "RT 10 home.example.org."},
	{`SPF "v=spf1 -all"`, ""},
	// What nobody has heard of (RFC 3597).
	{`TYPE65280 \# 4 0a000001`, ""},
	{`TYPE65281 \# 0`, ""},
	{"TYPE731 \\# 6 abcd (\n  ef 01 23 45 )", `TYPE731 \# 6 abcdef012345`},
}

// TestRecordTypes takes each type from a master file into the zone, over the wire
// and out again. BIND serves what goes in, and what comes out, and must say the
// same.
func TestRecordTypes(t *testing.T) {
	t.Parallel()
	var in, want strings.Builder
	in.WriteString("$TTL 60\n@ SOA ns1 hostmaster 7 300 60 1209600 30\n@ NS ns1\nns1 A 192.0.2.1\n")
	for i, tt := range recordTypes {
		fmt.Fprintf(&in, "t%02d %s\n", i, tt.in)
		typ, data, _ := strings.Cut(cmp.Or(tt.out, tt.in), " ")
		fmt.Fprintf(&want, "t%02d.example.org.\t60\tIN\t%s\t%s\n", i, typ, data)
	}
	z := readZone(t, "example.org", in.String())
	var out bytes.Buffer
	if err := z.WriteMaster(&out); err != nil {
		t.Fatal(err)
	}
	_, records, _ := strings.Cut(out.String(), "ns1.example.org.\t60\tIN\tA\t192.0.2.1\n")
	if diff := gocmp.Diff(want.String(), records); diff != "" {
		t.Errorf("export (-want +got):\n%s", diff)
	}
	for _, file := range []string{in.String(), out.String()} {
		compareTypes(t, z, bind.start(t, map[string]string{"example.org": file}))
	}
}

// compareTypes asks us and the server at address for each record.
func compareTypes(t *testing.T, z *zone.Zone, address string) {
	t.Helper()
	client := dns.Client{Net: "tcp", Timeout: time.Minute}
	for i, tt := range recordTypes {
		typ, _, _ := strings.Cut(tt.in, " ")
		q := question(fmt.Sprintf("t%02d.example.org", i), typeNamed(t, typ))
		theirs, _, err := client.Exchange(q, address)
		if err != nil {
			t.Fatal(err)
		}
		ours := ask(t, dnsserver.Options{}, setOf(z), q, dnsserver.TCP)
		if got, want := wireData(t, ours), wireData(t, theirs); got != want {
			t.Errorf("%s: got = %s, want %s", tt.in, got, want)
		}
	}
}

// wireData returns the data of the one record that a reply brings.
func wireData(t testing.TB, m *dns.Msg) string {
	t.Helper()
	records := append(m.Answer, m.Ns...) // the NS set of a cut
	if len(records) != 1 {
		return m.String()
	}
	var raw dns.RFC3597
	if err := raw.ToRFC3597(records[0]); err != nil {
		t.Fatal(err)
	}
	return raw.Rdata
}
