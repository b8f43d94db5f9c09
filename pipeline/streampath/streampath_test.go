package streampath_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/streampath"
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
		g, err := streampath.ParseGlob(c.pattern)
		require.NoError(t, err)
		require.Equal(t, c.want, g.Match(c.path), "%s on %s", c.pattern, c.path)
	}
	for _, bad := range []string{"", "a//b", "[", "/a", "a/", strings.Repeat("*a", 511)} {
		_, err := streampath.ParseGlob(bad)
		require.Error(t, err, bad)
	}
}

func TestCheckPath(t *testing.T) {
	for _, good := range []string{"a", "live/camera01", "a/b/c/d", "kamera ä/1", "...", "live/.x", "_/0", "a-b/c_d.e+f,g@h~i:j::k", "大门（东）/1号", "a\u0308/b\u0308", "камера/é", "live/📷", "x-"} {
		require.NoError(t, streampath.Check(good), good)
		require.NoError(t, streampath.CheckStored(good), good)
	}
	for _, bad := range []string{"", "/", "a/", "/a", "a//b", "..", "a/../b", "./a", "a\x00b", "a\nb", `a\b`, "\xff", "a\u0085b", "a\ufffdb", string(make([]byte, 600))} {
		require.Error(t, streampath.Check(bad), "%q", bad)
		require.Error(t, streampath.CheckStored(bad), "%q", bad)
	}
}

// A new path has no character to which a program, a shell, a file system or a URL gives a meaning. The error names the
// character, its place and the allowed ones. Recordings of an earlier version under such a path are still found.
func TestCheckPathRefusesOptionsAndScript(t *testing.T) {
	for bad, want := range map[string]string{
		"--config=/etc/evil": `begins with the character '-' (number 1)`, "live/-rf": `begins with the character '-' (number 6)`, "-": `'-' (number 1)`, "a/-/b": `'-' (number 3)`,
		"+x": `begins with the character '+'`, "live/@/etc/shadow": `begins with the character '@'`, "~root/x": `begins with the character '~'`, ",a": `','`, ":a": `':'`,
		" a": `begins with the character ' '`, "a/ b": `begins with the character ' ' (number 3)`, "a /b": `ends with the character ' ' (number 2)`, "a ": `ends with the character ' '`, " ": `' '`,
		"live/\u0308a": "begins with the character", "live/a\u202egpj": "holds the character", "a\u00a0b": "holds", "a\u200bb": "holds", "a\u2028b": "holds", "a\ue000b": "holds",
		"é`x": "holds the character '`' (number 2)",
	} {
		require.ErrorContains(t, streampath.Check(bad), want, bad)
		require.ErrorContains(t, streampath.Check(bad), "allowed are "+streampath.Rule, bad)
		require.NoError(t, streampath.CheckStored(bad), bad)
	}
	for _, r := range "`$'\";|&<>()!#%*?[]{}^=" {
		bad := "live/a" + string(r) + "b"
		require.ErrorContains(t, streampath.Check(bad), fmt.Sprintf("holds the character %q (number 7): allowed are ", r), bad)
		require.NoError(t, streampath.CheckStored(bad), bad)
	}
}

// matchSlowly computes Match by trying every number of segments for each **.
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
		g, err := streampath.ParseGlob(strings.Join(pattern, "/"))
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
	g, err := streampath.ParseGlob("live/**/cam*")
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { g.Match("live/site/7/camera01") }))
}

// A query of the catalogue reads some paths as several streams.
func TestOneStreamIsNoPattern(t *testing.T) {
	require.NoError(t, streampath.CheckOne("live/camera 1"))
	require.Error(t, streampath.CheckOne("../a"))
	for _, bad := range []string{"*", "**", "live/*", "live/**", "a*b"} {
		require.ErrorContains(t, streampath.CheckOne(bad), "is a pattern", bad)
	}
}
