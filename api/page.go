package api

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"net/http"
	"time"

	"github.com/gospool/spool/api/auth"
)

//go:embed ui/index.html ui/app.js ui/timeline.js ui/watch.js ui/style.css ui/icon.svg
var page embed.FS

// pageRoutes returns the routes of the web page and of its scripts, style and icon. Each needs the
// role view, so that a browser asks for the password before the page requests data.
func pageRoutes() []route {
	var out []route
	for _, p := range []struct{ op, path, file, media, summary string }{
		{"page", "/", "ui/index.html", "text/html; charset=utf-8", "The page for people"},
		{"pageScript", "/ui/app.js", "ui/app.js", "text/javascript; charset=utf-8", "Its script"},
		{"pageTimeline", "/ui/timeline.js", "ui/timeline.js", "text/javascript; charset=utf-8", "Its timeline"},
		{"pageWatch", "/ui/watch.js", "ui/watch.js", "text/javascript; charset=utf-8", "Its live view"},
		{"pageStyle", "/ui/style.css", "ui/style.css", "text/css; charset=utf-8", "Its style"},
		{"pageIcon", "/ui/icon.svg", "ui/icon.svg", "image/svg+xml", "Its icon"},
	} {
		out = append(out, route{op: p.op, method: "GET", path: p.path, summary: p.summary, role: auth.View,
			media: p.media, handle: embedded(p.file, p.media)})
	}
	return out
}

func embedded(file, media string) func(*Server, http.ResponseWriter, *request) error {
	data, err := page.ReadFile(file)
	if err != nil {
		panic(err) // the table names a file that is not embedded
	}
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(data))[:18] + `"`
	return func(_ *Server, w http.ResponseWriter, r *request) error {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // not every writer supports it
		h := w.Header()
		h.Set("Content-Type", media)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		http.ServeContent(w, r.Request, "", time.Time{}, bytes.NewReader(data))
		return nil
	}
}
