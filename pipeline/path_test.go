package pipeline_test

import (
	"math/rand/v2"
	"path"
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

// matchSlowly is what Match means, by trying every number of segments for each **.
func matchSlowly(pattern, segs []string) bool {
	switch {
	case len(pattern) == 0:
		return len(segs) == 0
	case pattern[0] == "**":
		return matchSlowly(pattern[1:], segs) || len(segs) > 0 && matchSlowly(pattern, segs[1:])
	case len(segs) == 0:
		return false
	}
	ok, err := path.Match(pattern[0], segs[0])
	return err == nil && ok && matchSlowly(pattern[1:], segs[1:])
}

func TestGlobFindsEveryWayToMatch(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	some := func(words ...string) []string {
		out := make([]string, 1+rnd.IntN(5))
		for i := range out {
			out[i] = words[rnd.IntN(len(words))]
		}
		return out
	}
	matched := 0
	for range 20_000 {
		pattern, segs := some("a", "b", "**", "?", "a*", `\a`), some("a", "b", "ab", "*")
		g, err := pipeline.ParseGlob(strings.Join(pattern, "/"))
		require.NoError(t, err)
		want := matchSlowly(pattern, segs)
		require.Equal(t, want, g.Match(strings.Join(segs, "/")), "%s on %v", g, segs)
		if want {
			matched++
		}
	}
	require.Greater(t, matched, 1000)
}

func TestGlobAllocatesNothing(t *testing.T) {
	g, err := pipeline.ParseGlob("live/**/cam*")
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { g.Match("live/site/7/camera01") }))
}
