package config_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
)

func parsed(t *testing.T, text string) *config.Node {
	t.Helper()
	n, err := config.Parse("f", []byte(text))
	require.NoError(t, err)
	return n
}

func TestNodesKnowWhereTheyAreWritten(t *testing.T) {
	n := parsed(t, "# c\na: 1\n\"ü b\":\n  - x\n  - {k: [true]}\n  - l: |\n      text\n    m: 2\nc: ü é # c\n")
	at := func(n *config.Node) [2]int { return [2]int{n.Pos.Line, n.Pos.Col} }
	require.Equal(t, [2]int{2, 1}, at(n))
	require.Equal(t, [2]int{2, 4}, at(n.Get("a")))
	b := n.Get("ü b")
	require.Equal(t, [2]int{4, 3}, at(b))
	require.Equal(t, [2]int{4, 5}, at(b.List[0]))
	require.Equal(t, [2]int{5, 5}, at(b.List[1]))
	require.Equal(t, [2]int{5, 10}, at(b.List[1].Get("k").List[0]))
	require.Equal(t, "ü b/1/k/0", b.List[1].Get("k").List[0].Path)
	require.Equal(t, [2]int{6, 5}, at(b.List[2]))
	require.Equal(t, [2]int{6, 8}, at(b.List[2].Get("l")))
	require.Equal(t, "text\n", b.List[2].Get("l").Scalar)
	require.Equal(t, [2]int{8, 8}, at(b.List[2].Get("m")))
	require.Equal(t, [2]int{9, 1}, [2]int{n.Entries[2].Pos.Line, n.Entries[2].Pos.Col})
	require.Equal(t, "ü é", n.Get("c").Scalar)
}

func TestScalarsHaveTheirTypes(t *testing.T) {
	n := parsed(t, "[1, -1, 0x10, 0o17, 18446744073709551615, 1.5, 1.0e3, true, ~, '1', plain, .inf, !!str 07, !!str true, 1_000]")
	require.Equal(t, []any{
		int64(1), int64(-1), int64(16), int64(15), uint64(math.MaxUint64), 1.5, 1000.0, true, nil, "1", "plain",
		math.Inf(1), "07", "true", int64(1000),
	}, n.Any())
	require.True(t, math.IsNaN(parsed(t, ".nan").Scalar.(float64)))
}

func TestJSONIsYAML(t *testing.T) {
	n := parsed(t, `{"a": {"b/c": [1, "\u00e9", null]}, "d": "x\ty"}`)
	require.Equal(t, map[string]any{"a": map[string]any{"b/c": []any{int64(1), "é", nil}}, "d": "x\ty"}, n.Any())
	require.Equal(t, "a[b/c]/1", n.Get("a").Get("b/c").List[1].Path)
}

// In ASCII, JSON can write a character beyond U+FFFF only as a surrogate pair; YAML has no such pairs.
func TestJSONMayHaveSurrogatePairs(t *testing.T) {
	n := parsed(t, `{"a": "\ud83d\ude00 \\ud83d \u00e9"}`)
	require.Equal(t, `😀 \ud83d é`, n.Get("a").Scalar)
}

func TestAmbiguousNumbersAreText(t *testing.T) {
	n := parsed(t, "[08, 0800, 2026-01-01, 12:30:45, 1.2.3, yes, 99999999999999999999, 1e3, .5, 017]")
	require.Equal(t, []any{
		"08", "0800", "2026-01-01", "12:30:45", "1.2.3", "yes", "99999999999999999999", 1000.0, 0.5, "017",
	}, n.Any())
}

func TestADirectiveAndAByteOrderMarkAreAccepted(t *testing.T) {
	for _, text := range []string{"%YAML 1.2\n---\na: 1\n", "%YAML 1.1\n---\na: 1\n", "\ufeffa: 1\n"} {
		require.Equal(t, map[string]any{"a": int64(1)}, parsed(t, text).Any(), "%q", text)
	}
}

func TestMergeKeysNeverReplaceWrittenKeys(t *testing.T) {
	n := parsed(t, "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none: {<<: *b, y: 9}\ntwo:\n  <<: [*b, *m]\nthree: *b\n")
	require.Equal(t, map[string]any{"x": int64(1), "y": int64(9)}, n.Get("one").Any())
	require.Equal(t, map[string]any{"x": int64(1), "y": int64(2), "z": int64(4)}, n.Get("two").Any())
	require.Equal(t, "two/z", n.Get("two").Get("z").Path)
	require.Equal(t, 2, n.Get("two").Get("z").Pos.Line, "the value is written at the anchor")
	require.Equal(t, "three/x", n.Get("three").Get("x").Path)
}

func TestBadYAMLIsRefusedWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\nb: 2\na: 3":                "f:3:1: a: this key is there twice; the first is at line 1",
		"a: {b: 1,\n  b: 2}":              "f:2:3: a/b: this key is there twice; the first is at line 1",
		"a: [1":                           "f:1:4: not YAML: did not find expected ',' or ']' while parsing a flow sequence",
		"a: 'x":                           "f:1:4: not YAML: found unexpected end of stream while scanning a quoted scalar",
		"a:\n\tb: 1":                      "f:2:1: not YAML: found character '\\t' that cannot start any token",
		"a: b: c":                         "f:1:5: not YAML: mapping values are not allowed in this context",
		"a: 1\n---\nb: 2":                 "f:3:1: a second document begins here; a configuration is one document",
		"a: *x":                           "f:1:4: not YAML: unknown anchor referenced",
		"a: *x5 # s3":                     "a text that begins with * stands in quotes",
		"a: !x5 s3":                       "f:1:4: a: this tag means nothing here",
		"a: !<x5> s3":                     "f:1:4: a: this tag means nothing here",
		"a: &x [*x]":                      "f:1:8: a/0: no anchor &x before this",
		"a: {<<: 1}":                      "f:1:9: a: << wants a map or a list of maps",
		"a: !!binary aa":                  "f:1:4: a: the tag !!binary means nothing here",
		"? [a]\n: 1":                      "f:1:3: a key must be plain text",
		strings.Repeat("[", 100):          "f:1:65: more than 64 levels within each other",
		strings.Repeat("- ", 200):         "levels within each other",
		strings.Repeat("{a: ", 99999):     "f:1:257: more than 64 levels within each other",
		"a: \"b\xff\"":                    "f:1:6: not YAML: the byte 0xff is no UTF-8",
		"a: 1\nb: x\x00":                  "f:2:5: not YAML: the control character U+0000 is not allowed",
		strings.Repeat("k", 1025) + ": 1": "f:1:1: this key has 1025 bytes, 1024 are allowed",
		"a: &a 1\na: 2\n&b b: 3":          "f:3:1: a key must be plain text",
		strings.Repeat("x", 1<<20+1):      "f: the file has more than the 1048576 bytes that are allowed",
	} {
		_, err := config.Parse("f", []byte(text))
		require.ErrorContains(t, err, want, "%.40q", text)
	}
}

func TestDeepIndentationIsRefused(t *testing.T) {
	var b strings.Builder
	for i := range 70 {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	_, err := config.Parse("f", []byte(b.String()))
	require.ErrorContains(t, err, "f:65:66: more than 64 levels within each other")
}

func TestAliasesCannotMultiplyWithoutEnd(t *testing.T) {
	text := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := byte('b'); c < 'k'; c++ {
		ref := "*" + string(c-1)
		text += string(c) + ": &" + string(c) + " [" + strings.Repeat(ref+", ", 8) + ref + "]\n"
	}
	_, err := config.Parse("f", []byte(text))
	require.ErrorContains(t, err, "too large: more than 100000 values")
}

func TestSplitPathsAreThoseThatWereJoined(t *testing.T) {
	for _, keys := range [][]string{{"a"}, {"a", "b"}, {"a/b"}, {"streams", "live/cam.01", "pull"}, {"a/b", "c/d", "e"}} {
		path := ""
		for _, k := range keys {
			path = config.Join(path, k)
		}
		require.Equal(t, keys, config.SplitPath(path), path)
	}
}

func TestNearestIsNotFarFetched(t *testing.T) {
	known := []string{"max_duration", "max_size", "fragment", "pull"}
	for name, want := range map[string]string{
		"max_durations": "max_duration", "maxsize": "max_size", "fargment": "fragment", "PULL": "pull", "pul": "pull", "xyz": "", "record": "",
	} {
		require.Equal(t, want, config.Nearest(name, known), name)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := config.Parse("f", []byte(text))
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		again, err := config.Parse("f", n.YAML(config.Style{}))
		require.NoError(t, err, "%s", n.YAML(config.Style{}))
		require.Equal(t, normal(n.Any()), normal(again.Any()), "%s", n.YAML(config.Style{}))
	})
}
