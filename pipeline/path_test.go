package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"**", "a", true}, {"**", "a/b/c", true},
		{"live/*", "live/a", true}, {"live/*", "live/a/b", false}, {"live/*", "other/a", false},
		{"live/**", "live/a/b", true}, {"live/**", "live", true},
		{"**/cam*", "x/y/cam1", true}, {"**/cam*", "x/y/door", false},
		{"a/**/z", "a/z", true}, {"a/**/z", "a/b/c/z", true}, {"a/**/z", "a/b/c", false},
		{"cam?", "cam1", true}, {"cam?", "cam12", false}, {"cam[0-3]", "cam2", true},
	} {
		g, err := pipeline.ParseGlob(c.pattern)
		require.NoError(t, err)
		require.Equal(t, c.want, g.Match(c.path), "%s on %s", c.pattern, c.path)
	}
	for _, bad := range []string{"", "a//b", "[", "/a", "a/", strings.Repeat("*a", 511)} {
		_, err := pipeline.ParseGlob(bad)
		require.Error(t, err, bad)
	}
}

func TestCheckPath(t *testing.T) {
	for _, good := range []string{"a", "live/camera01", "a/b/c/d", "kamera ä/1", "..."} {
		require.NoError(t, pipeline.CheckPath(good), good)
	}
	for _, bad := range []string{"", "/", "a/", "/a", "a//b", "..", "a/../b", "./a", "a\x00b", "a\nb", `a\b`, "\xff", string(make([]byte, 600))} {
		require.Error(t, pipeline.CheckPath(bad), "%q", bad)
	}
}
