package zone

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"stayput.dev/internal/phrase"
)

// FormatData returns the presentation form of a record's data, as it stands in a
// master file; unknown types and data that does not fit its type in the generic
// form of RFC 3597 §5.
func FormatData(t Type, d Rdata) string {
	wire := make([]byte, 0, 11+len(d))
	wire = append(wire, 0)
	wire = binary.BigEndian.AppendUint16(wire, uint16(t))
	wire = binary.BigEndian.AppendUint16(wire, dns.ClassINET)
	wire = binary.BigEndian.AppendUint32(wire, 0)
	wire = binary.BigEndian.AppendUint16(wire, uint16(len(d)))
	wire = append(wire, d...)
	rr, _, err := dns.UnpackRR(wire, 0)
	if err != nil || len(d) == 0 {
		return generic(d)
	}
	text := strings.TrimPrefix(rr.String(), rr.Header().String())
	if back, err := ParseData(t, text, Root); err != nil || back != d {
		return generic(d) // what would not come back the same
	}
	return text
}

func generic(d Rdata) string {
	if len(d) == 0 {
		return `\# 0`
	}
	return fmt.Sprintf(`\# %d %x`, len(d), string(d))
}

// ParseData reads the presentation form of a record's data; names that do not
// end in a dot are below origin.
func ParseData(t Type, text string, origin Name) (Rdata, error) {
	if strings.ContainsAny(text, "\n\r") {
		return "", phrase.Errorf("record data of more than one line")
	}
	p := dns.NewZoneParser(strings.NewReader(". 0 IN "+t.String()+" "+text+"\n"), origin.FQDN(), "")
	rr, ok := p.Next()
	if !ok {
		switch err := p.Err(); {
		case err == nil:
		case t == TypeA:
			return "", phrase.Errorf("%q is not an IPv4 address", text)
		case t == TypeAAAA:
			return "", phrase.Errorf("%q is not an IPv6 address", text)
		default:
			return "", phrase.Errorf("%s data %q: %v", t, text, errors.New(parseFault(err)))
		}
		return "", phrase.Errorf("%s data %q: nothing there", t, text)
	}
	buf := make([]byte, dns.Len(rr)+16)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return "", phrase.Errorf("%s data %q: %w", t, text, err)
	}
	return Rdata(buf[11:end]), nil
}

// WriteMaster writes the zone as a master file (RFC 1035 §5): the SOA record
// first, then in canonical order, every name in full and every TTL given.
func (z *Zone) WriteMaster(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	var line []byte
	for s := range z.All() {
		owner, typ := s.Name.FQDN(), s.Type.String()
		for _, d := range s.Data {
			line = append(line[:0], owner...)
			line = append(line, '\t')
			line = strconv.AppendUint(line, uint64(s.TTL), 10)
			line = append(line, "\tIN\t"...)
			line = append(line, typ...)
			line = append(line, '\t')
			line = appendDataText(line, s.Type, d)
			line = append(line, '\n')
			if _, err := b.Write(line); err != nil {
				return fmt.Errorf("writing zone %s: %w", z.origin, err)
			}
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("writing zone %s: %w", z.origin, err)
	}
	return nil
}

// appendDataText is FormatData with a short way for the many.
func appendDataText(dst []byte, t Type, d Rdata) []byte {
	if a := d.Addr(); t == TypeA && len(d) == 4 || t == TypeAAAA && len(d) == 16 && !a.Is4In6() {
		return a.AppendTo(dst)
	}
	return append(dst, FormatData(t, d)...)
}
