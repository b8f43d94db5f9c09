package api

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An ETag is strong, stays the same while a file does, changes with each repair, and serves for conditional and range
// requests.
func TestETagDistinguishesContents(t *testing.T) {
	w := newFixture(t)
	data := footageBytes(3000)
	at := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	store := func(content []byte, at time.Time) {
		w.put("x.mp4", content)
		require.NoError(t, os.Chtimes(filepath.Join(w.dir, "x.mp4"), at, at))
	}
	s := w.server()
	get := func(header ...string) reply { return do(s, "GET", "/mp4/vod/x.mp4", "", header...) }
	store(data, at)
	first := get()
	require.Equal(t, 200, first.code)
	tag := first.header.Get("ETag")
	require.Regexp(t, `^"[0-9a-f]+-[0-9a-f]+"$`, tag, "strong")
	require.Equal(t, "no-cache", first.header.Get("Cache-Control"))
	require.Equal(t, tag, get().header.Get("ETag"))
	require.Equal(t, tag, do(s, "HEAD", "/mp4/vod/x.mp4", "").header.Get("ETag"))

	require.Equal(t, 304, get("If-None-Match", tag).code)
	require.Equal(t, 206, get("Range", "bytes=0-9", "If-Range", tag).code)
	require.Equal(t, 412, get("If-Match", `"other"`).code)

	for name, change := range map[string]func(){
		"a repair of the same size, a nanosecond later": func() { store(data, at.Add(1)) },
		"another size at the same time":                 func() { store(data[:2999], at) },
	} {
		change()
		r := get("If-None-Match", tag)
		require.Equal(t, 200, r.code, name)
		require.NotEqual(t, tag, r.header.Get("ETag"), name)
		require.Equal(t, 200, get("Range", "bytes=0-9", "If-Range", tag).code, "%s: parts of two contents are not put together", name)
		require.Equal(t, 412, get("If-Match", tag).code, name)
	}
}
