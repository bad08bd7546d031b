package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

// assetFiles is what pages need beside themselves. htmx.min.js is htmx 2.0.11 as
// npm has it (Zero-Clause BSD).
//
//go:embed assets
var assetFiles embed.FS

// An asset is a file that never changes under its name, which holds its hash.
type asset struct {
	url     string
	kind    string // media type
	content []byte
	gzipped []byte
}

// assets are all of them by file name, and assetsByURL by what follows /assets/.
var assets, assetsByURL = loadAssets()

func loadAssets() (byName, byURL map[string]*asset) {
	byName, byURL = map[string]*asset{}, map[string]*asset{}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	files, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // they were there when this was compiled
	}
	for _, f := range files {
		content, err := assetFiles.ReadFile("assets/" + f.Name())
		if err != nil {
			panic(err)
		}
		a := newAsset(f.Name(), kinds[path.Ext(f.Name())], content)
		byName[f.Name()] = a
		byURL[strings.TrimPrefix(a.url, "/assets/")] = a
	}
	return byName, byURL
}

func newAsset(name, kind string, content []byte) *asset {
	sum := sha256.Sum256(content)
	base, ext, _ := strings.Cut(name, ".")
	a := &asset{url: "/assets/" + base + "-" + hex.EncodeToString(sum[:6]) + "." + ext, kind: kind, content: content}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is one of its own
	}
	if _, err := z.Write(content); err != nil {
		panic(err) // memory takes all
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	a.gzipped = packed.Bytes()
	return a
}

// serve sends the asset, for as long as anybody likes to keep it.
func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", a.kind)
	h.Set("Vary", "Accept-Encoding")
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		w.Write(a.gzipped)
		return
	}
	w.Write(a.content)
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	a := assetsByURL[r.PathValue("name")]
	if a == nil {
		http.NotFound(w, r)
		return
	}
	a.serve(w, r)
}
