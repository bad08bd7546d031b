package brand_test

import (
	"fmt"
	"testing"

	"stayput.dev/internal/brand"
)

// TestContrasts: whatever colour a company has, what is written in it can be read
// (WCAG 2.2, 1.4.3 asks for 4.5 to 1).
func TestContrasts(t *testing.T) {
	for r := 0; r < 256; r += 51 {
		for g := 0; g < 256; g += 51 {
			for b := 0; b < 256; b += 51 {
				text := fmt.Sprintf("#%02x%02x%02x", r, g, b)
				all := ok(brand.Contrasts(text))(t)
				for i, where := range []string{"cards in light", "cards in dark", "buttons in light", "buttons in dark"} {
					if all[i] < 4.5 {
						t.Errorf("%s has the contrast %.2f on %s", text, all[i], where)
					}
				}
			}
		}
	}
	for _, text := range []string{"", "red", "#12345", "#1234567", "#gggggg", "#12345\x00", "rgb(1,2,3)"} {
		if _, err := brand.Contrasts(text); err == nil {
			t.Errorf("%q is taken for a colour", text)
		}
	}
}
