package api

import (
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback"
)

// FuzzPath: an accepted path is the same clean path in every decoding of it.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/mp4/vod/a.mp4", "/../x", "/%2e%2e/x", "/a%2fb", "/a//b", "/a%00", "/a\\b", "/%c0%ae", "*", "", "/mp4/", "//x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		u, err := url.ParseRequestURI(sent)
		if err != nil || u.Host != "" || checkURLPath(u) != nil {
			return
		}
		clean := path.Clean(u.Path)
		if clean != strings.TrimSuffix(u.Path, "/") && u.Path != "/" {
			t.Fatalf("%q was let through as %q, which is %q", sent, u.Path, clean)
		}
		if strings.ContainsAny(u.Path, "\x00\\\r\n") {
			t.Fatalf("%q was let through as %q", sent, u.Path)
		}
	})
}

// FuzzFileName: an accepted name lies below the directory, and the URL that is given out for it decodes to the name.
func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"a.mp4", "live/a b.mp4", "../a.mp4", "/a.mp4", ".x/a.mp4", "a.mp4.part", "a.db", "a%2f.mp4", "ü?#.mp4", "a:b.mp4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if playback.CheckFileName(name) != nil {
			return
		}
		if !filepath.IsLocal(name) || path.Clean(name) != name {
			t.Fatalf("%q is taken", name)
		}
		u, err := url.ParseRequestURI(fileURL(name))
		if err != nil || checkURLPath(u) != nil || u.Path != "/mp4/vod/"+name {
			t.Fatalf("%q is given out as %q: %v", name, fileURL(name), err)
		}
	})
}

// A remedy shows the endpoint, and no path of the machine beside it.
func TestEndpointsAreNoPathsOfTheMachine(t *testing.T) {
	s := newFixture(t).server()
	require.Equal(t, "DELETE /mp4/streams/{stream_path} forgets it", s.shown.Text("DELETE /mp4/streams/{stream_path} forgets it"))
	require.Equal(t, "see secret, POST /mp4/retention/confirm, not confirm",
		s.shown.Text("see /home/mp4/secret, POST /mp4/retention/confirm, not /home/mp4/retention/confirm"))
}
