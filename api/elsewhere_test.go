package api

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// A recording of another recorder is listed with that recorder's name and without a URL. It is neither deleted nor
// counted as deleted, even if a local file has its name.
func TestRecordingOfAnotherRecorderIsShownAndLeftAlone(t *testing.T) {
	w := newFixture(t)
	mine := w.add(1, "live/a", func(r *media.Record) { r.Node = "front" })
	theirs := w.add(2, "live/a", func(r *media.Record) { r.Node, r.Elsewhere, r.Path = "back", true, mine.Path })
	s := w.server()
	one := do(s, "GET", "/mp4/records/"+theirs.ID.String(), "").json(t)["record"].(map[string]any)
	require.Equal(t, "back", one["node"])
	require.Equal(t, true, one["elsewhere"])
	require.NotContains(t, one, "url")
	require.NotContains(t, do(s, "GET", "/mp4/records/"+mine.ID.String(), "").json(t)["record"], "elsewhere")
	require.Equal(t, 1.0, do(s, "GET", "/mp4/vod", "").json(t)["count"])

	require.Equal(t, "recorded by back: ask it", do(s, "DELETE", "/mp4/records/"+theirs.ID.String(), "").refused(t, 409))
	const all = "?start=2026-01-01T00:00:00Z&end=2027-01-01T00:00:00Z"
	for _, q := range []string{all + "&dry_run=true", all} {
		m := do(s, "DELETE", "/mp4/records"+q, "").json(t)
		require.Equal(t, 1.0, m["deleted"], q)
		require.Equal(t, 1.0, m["kept"], q)
		kept := m["kept_records"].([]any)[0].(map[string]any)
		require.Equal(t, theirs.ID.String(), kept["id"])
		require.Equal(t, "recorded by back: ask it", kept["reason"])
	}
}

// The URL of a record does not serve the file of another record.
func TestAFileIsServedForItsOwnRecordOnly(t *testing.T) {
	w := newFixture(t)
	rec := w.add(1, "live/a")
	s := w.server(func(_ *Config, d *Deps) {
		d.Belongs = func(f *os.File, name string, id media.ID) error {
			require.Equal(t, rec.Path, name)
			if _, err := f.Stat(); err != nil || id != rec.ID {
				return Conflict("%s is the file of another recording", name)
			}
			return nil
		}
	})
	url := fileURL(rec.Path) + "?id="
	require.Equal(t, 200, do(s, "GET", url+rec.ID.String(), "").code)
	require.Equal(t, 200, do(s, "GET", fileURL(rec.Path), "").code, "whatever it is")
	require.Contains(t, do(s, "GET", url+media.ID{9}.String(), "").refused(t, 409), "another recording")
	do(s, "GET", url+"x", "").refused(t, 400)
}
