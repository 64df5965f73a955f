package views

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
)

// AssetPrefix is where assets are, below the portal's prefix.
const AssetPrefix = "assets/"

//go:embed assets/style.css assets/mark.svg assets/passkey.js
var files embed.FS

// assets are files under names that change with their content.
type assets struct {
	style, mark, script string // URL paths
	byName              map[string]asset
}

type asset struct {
	kind string
	body []byte
}

func newAssets(prefix string) (*assets, error) {
	a := &assets{byName: map[string]asset{}}
	var err error
	if a.style, err = a.add(prefix, "style", "css", "text/css; charset=utf-8"); err != nil {
		return nil, err
	}
	if a.mark, err = a.add(prefix, "mark", "svg", "image/svg+xml"); err != nil {
		return nil, err
	}
	if a.script, err = a.add(prefix, "passkey", "js", "text/javascript; charset=utf-8"); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *assets) add(prefix, base, extension, kind string) (string, error) {
	body, err := files.ReadFile("assets/" + base + "." + extension)
	if err != nil {
		return "", fmt.Errorf("read asset %s: %w", base, err)
	}
	sum := sha256.Sum256(body)
	name := base + "." + hex.EncodeToString(sum[:8]) + "." + extension
	a.byName[name] = asset{kind, body}
	return prefix + AssetPrefix + name, nil
}

// Asset serves the file of that name, which may be kept for ever (RFC 8246); false when
// there is none.
func (r *Renderer) Asset(w http.ResponseWriter, req *http.Request, name string) bool {
	f, ok := r.assets.byName[name]
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox") // an SVG may be opened as a document
	Write(w, req, http.StatusOK, f.body)
	return true
}
