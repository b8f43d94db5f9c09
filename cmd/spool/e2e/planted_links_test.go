package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoPlantedLinkIsFollowed puts links in the place of spool's own files in the record
// directory. spool writes nothing through them. It reports the path with a remedy and records
// nevertheless; once the link is removed, there is no problem left.
func TestNoPlantedLinkIsFollowed(t *testing.T) {
	t.Parallel()
	for link, c := range map[string]struct {
		to      string // below the directory elsewhere
		problem string // in GET /mp4/health
		silent  bool   // the link is replaced like any file, and never followed
	}{
		"spool.db":                  {"new", "database", false},
		"spool.db-wal":              {"victim", "database", false},
		"spool.db-shm":              {"new", "database", false},
		"spool.db-journal":          {"victim", "database", false},
		"spool.db.open":             {"new", "database", false},
		"spool.db.migrate":          {"new", "database", false},
		".spool-journal":            {"dir", "journal", false},
		".spool-journal/lock":       {"new", "journal", false},
		".spool-notices":            {"dir", "", false},
		".spool-commands":           {"dir", "", false},
		".spool-index":              {"dir", "", false},
		".spool-facts":              {"dir", "", false},
		".spool-facts/lock":         {"new", "", false},
		".spool-notices-spare":      {"dir", "", true},
		".spool-pipelines.yaml.new": {"victim", "", true},
		".spool-expiry.json.new":    {"victim", "", true},
		".spool-streams.json.new":   {"victim", "", true},
		".spool-stops.json.new":     {"victim", "", true},
	} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			dir, elsewhere := t.TempDir(), t.TempDir()
			victim := filepath.Join(elsewhere, "victim")
			require.NoError(t, os.WriteFile(victim, []byte("whole"), 0o644))
			require.NoError(t, os.Mkdir(filepath.Join(elsewhere, "dir"), 0o755))
			planted := filepath.Join(dir, "recordings", link)
			require.NoError(t, os.MkdirAll(filepath.Dir(planted), 0o755))
			require.NoError(t, os.Symlink(filepath.Join(elsewhere, c.to), planted))
			untouched := func() {
				t.Helper()
				var there []string
				require.NoError(t, filepath.WalkDir(elsewhere, func(path string, _ os.DirEntry, err error) error {
					there = append(there, strings.TrimPrefix(path, elsewhere))
					return err
				}))
				require.Equal(t, []string{"", "/dir", "/victim"}, there)
				text, err := os.ReadFile(victim)
				require.NoError(t, err)
				require.Equal(t, "whole", string(text))
			}

			h := startHook(t)
			secret, ran := filepath.Join(dir, "secret"), filepath.Join(dir, "ran")
			require.NoError(t, os.WriteFile(secret, []byte(hookSecret+"\n"), 0o600))
			config := camera25 + fmt.Sprintf(`pipelines: {p: {streams: [live/a], stages: [source, gop_ring, segmenter, mp4, exec: {command: [/bin/sh, -c, 'echo "$0" >> %s', "{file}"]}, webhook: {url: %q, notify: [finished], secret_file: %s}, metadata]}}`, ran, h.URL, secret)
			r := launch(t, staticBinary, dir, config)
			told := "recordings/" + link + " is a link"
			r.expect(told, "recordings/"+link+": it is a link")
			record := func(n int) {
				t.Helper()
				r.start("live/a", "")
				r.awaitUnits("live/a", 20)
				r.stop("live/a")
				eventually(t, "it is recorded", func() bool { return len(r.list(".mp4")) == n && len(r.list(".mp4.part")) == 0 })
				eventually(t, "the webhook hears of it", func() bool { return len(h.told()) == n })
				eventually(t, "the command runs", func() bool { return len(lines(ran)) == n })
			}
			record(1)
			if c.problem != "database" {
				id := r.awaitRecords("live/a", 1)
				resp, body := r.send("PATCH", "/mp4/records/"+r.rows("", 10)[0].ID, `{"protected":true}`, "Content-Type", "application/json")
				require.Equal(t, !strings.HasPrefix(link, ".spool-facts"), resp.StatusCode == 200, "%v %s", id, body)
			}
			resp, body := r.send("PUT", "/mp4/pipelines/new", "streams: [live/b]\nstages: [source, gop_ring, segmenter, mp4, metadata]\n", "Content-Type", inYAML)
			require.Equal(t, 200, resp.StatusCode, body)
			untouched()
			if c.problem != "" {
				p := r.problem(c.problem)
				require.Contains(t, p["cause"], filepath.Base(link)+" is a link")
				require.Contains(t, p["cause"], "remove it")
			}
			if !c.silent {
				eventually(t, "the log reports it", func() bool { return strings.Contains(r.book.String(), told) })
			}
			require.Equal(t, 0, r.signal(syscall.SIGINT))
			untouched()
			r.logIsClean()

			if at, err := os.Readlink(planted); err == nil {
				require.Equal(t, filepath.Join(elsewhere, c.to), at)
				require.NoError(t, os.Remove(planted))
			}
			r = launch(t, staticBinary, dir, config)
			record(2)
			untouched()
		})
	}
}
