package brand_test

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"

	"stayput.dev/internal/brand"
)

func TestLogos(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{
			"a picture", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><path fill="#f00" d="M0 0h2"/></svg>`,
			`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><path fill="#f00" d="M0 0h2"></path></svg>`,
		},
		{"with a gradient", `<svg><rect fill="url(#g)"/></svg>`, `<svg xmlns="http://www.w3.org/2000/svg"><rect fill="url(#g)"></rect></svg>`},
		{"handlers go", `<svg onload="alert(1)"><path onclick="x" d="M0 0"/></svg>`, `<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"></path></svg>`},
		{"styles and metadata go", `<svg style="x"><style>@import "//x"</style><metadata><a><b/></a></metadata></svg>`, `<svg xmlns="http://www.w3.org/2000/svg"></svg>`},
		{
			"comments and entities go", `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x "y">]><!-- c --><svg><title>a &amp; b</title></svg>`,
			`<svg xmlns="http://www.w3.org/2000/svg"><title>a &amp; b</title></svg>`,
		},
		{"a script", `<svg><script>alert(1)</script></svg>`, ""},
		{"a foreign object", `<svg><foreignObject/></svg>`, ""},
		{"another namespace", `<svg><h:p xmlns:h="http://www.w3.org/1999/xhtml"/></svg>`, ""},
		{"a picture from elsewhere", `<svg><image href="https://elsewhere.example.net/"/></svg>`, ""},
		{"a reference", `<svg><use href="#a"/></svg>`, ""},
		{"a fill from elsewhere", `<svg><rect fill="url(https://elsewhere.example.net/#a)"/></svg>`, ""},
		{"a fill from elsewhere, spaced", `<svg><rect fill="URL( 'https://elsewhere.example.net/#a')"/></svg>`, ""},
		{"a fill from elsewhere, in CSS's escapes", `<svg><rect fill="u\72l(https://elsewhere.example.net/#a)"/></svg>`, ""},
		{"not closed", `<svg><g></svg>`, ""},
		{"no picture", `hello`, ""},
		{"a page", `<html><body/></html>`, ""},
		{"nothing", ``, ""},
		{"too large", `<svg>` + strings.Repeat(" ", 200<<10) + `</svg>`, ""},
		{"an unknown entity", `<svg><title>&x;</title></svg>`, ""},
	} {
		got, _, err := brand.ReadLogo([]byte(c.in))
		if c.want == "" && err == nil {
			t.Errorf("%s: taken as %s", c.name, got)
		}
		if c.want != "" && (err != nil || string(got) != c.want) {
			t.Errorf("%s: got %s, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func TestPictures(t *testing.T) {
	draw := func(side int) []byte {
		var out bytes.Buffer
		done(t, png.Encode(&out, image.NewGray(image.Rect(0, 0, side, side))))
		return out.Bytes()
	}
	if _, kind, err := brand.ReadLogo(append(draw(16), "<script>"...)); err != nil || kind != "image/png" {
		t.Errorf("a PNG is %s, %v", kind, err)
	}
	clean, _, _ := brand.ReadLogo(append(draw(16), "<script>"...))
	if bytes.Contains(clean, []byte("script")) {
		t.Error("what follows the picture is kept")
	}
	if _, _, err := brand.ReadLogo(draw(2001)); err == nil {
		t.Error("a picture of 2001 pixels is taken")
	}
	if _, _, err := brand.ReadLogo(draw(16)[:40]); err == nil {
		t.Error("half a picture is taken")
	}
}

// FuzzLogo: whatever is taken for a logo is made of shapes and text alone, and is
// the same when it is read again.
func FuzzLogo(f *testing.F) {
	f.Add([]byte(`<svg viewBox="0 0 2 2"><g><path d="M0 0"/></g><text>a</text></svg>`))
	f.Add([]byte(`<svg><style><a></style><rect fill="url(#a)" onload="x"/></svg>`))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		clean, kind, err := brand.ReadLogo(in)
		if err != nil || kind != "image/svg+xml" {
			return
		}
		for _, bad := range []string{"<script", "<style", "<foreignObject", "<use", "<image", "<a", "<!", "<?"} {
			if bytes.Contains(clean, []byte(bad)) {
				t.Errorf("%q became %q", in, clean)
			}
		}
		again, _, err := brand.ReadLogo(clean)
		if err != nil || !bytes.Equal(again, clean) {
			t.Errorf("%q became %q and then %q, %v", in, clean, again, err)
		}
	})
}
