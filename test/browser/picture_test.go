package browser

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"
)

// TestShrink: the colours of most pixels stay as they are, a rare one becomes one that
// is close, and the same picture comes out the same.
func TestShrink(t *testing.T) {
	full := image.NewRGBA(image.Rect(0, 0, 300, 20))
	for x := range 300 {
		for y := range 20 {
			full.Set(x, y, color.RGBA{R: uint8(min(x, 255)), G: 10, B: 10, A: 255})
		}
	}
	full.Set(7, 7, color.RGBA{R: 7, G: 11, B: 10, A: 255})
	var plain bytes.Buffer
	if err := png.Encode(&plain, full); err != nil {
		t.Fatal(err)
	}
	small, err := shrink(plain.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	again, err := shrink(plain.Bytes())
	if err != nil || !bytes.Equal(small, again) {
		t.Errorf("the same picture comes out another time: %v", err)
	}
	got, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	for x := range 256 {
		if r, _, _, _ := got.At(x, 7).RGBA(); r>>8 != uint32(x) {
			t.Errorf("red at %d = %d", x, r>>8)
		}
	}
	if _, err := shrink([]byte("no picture")); err == nil {
		t.Error("what is no picture is shrunk")
	}
}
