package bundle

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/export/manifest"
)

var (
	noon    = time.Date(2026, 3, 18, 12, 0, 0, 0, time.UTC)
	formats = []Format{{"mp4", ".mp4"}, {"ts", ".ts"}}
)

func TestARequestIsCompleted(t *testing.T) {
	r := Request{Streams: []string{"live/door"}, Start: noon, End: noon.Add(time.Minute)}
	require.NoError(t, r.Check(formats, noon.Add(time.Hour)))
	require.Equal(t, Request{Name: "live_door_20260318-120000", Streams: []string{"live/door"}, Start: noon, End: noon.Add(time.Minute), Format: "mp4", Gaps: Keep}, r)
}

func TestAWrongRequestNamesItsField(t *testing.T) {
	for want, change := range map[string]func(*Request){
		"streams: 0 are given":        func(r *Request) { r.Streams = nil },
		"streams: 65 are given":       func(r *Request) { r.Streams = make([]string, 65) },
		"streams: a is given twice":   func(r *Request) { r.Streams = []string{"a", "a"} },
		"streams: ":                   func(r *Request) { r.Streams = []string{"../a"} },
		"is a pattern: ":              func(r *Request) { r.Streams = []string{"live/*"} },
		"start: it is missing":        func(r *Request) { r.Start = time.Time{} },
		"end: it is missing":          func(r *Request) { r.End = time.Time{} },
		"is not after the start":      func(r *Request) { r.End = r.Start },
		"is in the future":            func(r *Request) { r.End = noon.Add(2 * time.Hour) },
		"the span is":                 func(r *Request) { r.Start = noon.Add(-400 * 24 * time.Hour) },
		"format: \"avi\" is none of ": func(r *Request) { r.Format = "avi" },
		"gaps: \"fill\" is neither ":  func(r *Request) { r.Gaps = "fill" },
		"name: it has 101 bytes":      func(r *Request) { r.Name = strings.Repeat("x", 101) },
		"name: the name \"../x\"":     func(r *Request) { r.Name = "../x" },
		"name: the name \".x\"":       func(r *Request) { r.Name = ".x" },
	} {
		r := Request{Streams: []string{"a"}, Start: noon, End: noon.Add(time.Minute)}
		change(&r)
		require.ErrorContains(t, r.Check(formats, noon.Add(time.Hour)), want)
	}
}

func TestNamesOfFilesDiffer(t *testing.T) {
	require.Equal(t, []string{"a_b.mp4", "a_b_2.mp4", "A_b_3.mp4", "a_b_2_2.mp4", "c_d.mp4"}, fileNames([]string{"a/b", "a_b", "A/b", "a_b_2", "c:d"}, ".mp4"))
}

func FuzzNames(f *testing.F) {
	f.Add("live/door")
	f.Add("a/.. ./b. ")
	f.Add("ü/" + strings.Repeat("ö", 150))
	f.Add("-x:*?")
	f.Add("manifest.json")
	f.Fuzz(func(t *testing.T, stream string) {
		names := fileNames([]string{stream, stream}, ".mp4")
		require.NotEqual(t, names[0], names[1])
		for _, name := range names {
			require.NoError(t, manifest.CheckFileName(name), "%q", stream)
		}
		r := Request{Streams: []string{stream}, Start: noon, End: noon.Add(1)}
		if err := r.Check(formats, noon.Add(time.Hour)); err == nil {
			require.NoError(t, manifest.CheckFileName(r.Name+"."+manifest.FileName))
		}
	})
}
