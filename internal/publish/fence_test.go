package publish

import (
	"testing"

	"stayput.dev/internal/zone"
)

// FuzzParseFence: what stands at a target may be anything. What is read as a fence is
// written the same way again.
func FuzzParseFence(f *testing.F) {
	f.Add(string(fence{"0123456789abcdef", 42, "00ff"}.data()))
	f.Add(string(zone.TextData("stayput lineage= revision=1 nonce=")))
	f.Add(string(zone.TextData("v=spf1 -all")))
	f.Add("")
	f.Fuzz(func(t *testing.T, data string) {
		read, ok := parseFence(zone.Rdata(data))
		if !ok {
			return
		}
		again, ok := parseFence(read.data())
		if !ok || again != read {
			t.Errorf("%q is read as %+v, and then as %+v, %v", data, read, again, ok)
		}
	})
}
