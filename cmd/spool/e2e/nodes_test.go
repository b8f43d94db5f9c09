package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/metadata/dbtest"
)

const sameNames = `
streams:
  cam/a: {pull: "testpattern://?size=320x180&fps=25&gop=25&audio=off"}
mp4: {filename_pattern: "{stream}_{seq}.mp4"}
`

// nodeRow is a recording with the fields that name its recorder.
type nodeRow struct {
	row
	URL       string `json:"url"`
	Elsewhere bool   `json:"elsewhere"`
}

func (r *recorder) nodeRows() (out []nodeRow) {
	r.t.Helper()
	return answer[struct{ Records []nodeRow }](r, "GET", "/mp4/records?order=asc").Records
}

// TestTwoRecordersOnOneDatabase runs two recorders with files of the same names in directories
// of their own, on one machine of one name. A request to one of them about a recording of the
// other is refused and changes no file of either.
func TestTwoRecordersOnOneDatabase(t *testing.T) {
	t.Parallel()
	db := &database{driver: "postgres", server: dbtest.StartPostgres(t)}
	db.dsn = db.server.DSN
	var at [2]*recorder
	for i := range at {
		at[i] = serve(t, sameNames, db.flags()...)
		at[i].start("cam/a", "")
		at[i].awaitUnits("cam/a", 50)
		at[i].stop("cam/a")
	}
	a, b := at[0], at[1]
	var rows []nodeRow
	eventually(t, "each sees both", func() bool {
		for _, r := range at {
			rows = r.nodeRows()
			if len(rows) != 2 || rows[0].State != "finished" || rows[1].State != "finished" {
				return false
			}
		}
		return true
	})
	own, theirs := rows[0], rows[1]
	require.Equal(t, "cam_a_1.mp4", own.File)
	require.Equal(t, own.File, theirs.File)
	require.NotEqual(t, own.Node, theirs.Node)
	patch := func(r *recorder, id, body string) (*http.Response, string) {
		return r.send("PATCH", "/mp4/records/"+id, body, "Content-Type", "application/json")
	}
	resp, body := patch(a, own.ID, `{"protected":true}`)
	require.Equal(t, 200, resp.StatusCode, body)
	files := map[*recorder][]byte{a: a.bytes(own.File), b: b.bytes(own.File)}
	unchanged := func(what string) {
		t.Helper()
		for r, was := range files {
			require.Equal(t, was, r.bytes(own.File), what)
		}
	}

	for _, r := range []*recorder{a, b} {
		for _, rec := range r.nodeRows() {
			here := (r == a) == (rec.ID == own.ID)
			require.Equal(t, !here, rec.Elsewhere)
			require.Equal(t, here, rec.URL != "", rec)
			if here {
				resp, _ := r.send("GET", rec.URL, "")
				require.Equal(t, 200, resp.StatusCode)
			}
		}
		require.EqualValues(t, 1, answer[struct{ Count int }](r, "GET", "/mp4/vod").Count)
	}
	require.Empty(t, answer[struct{ Record nodeRow }](a, "GET", "/mp4/records/"+theirs.ID).Record.URL)
	resp, body = a.send("GET", "/mp4/vod/"+own.File+"?id="+theirs.ID, "")
	require.Equal(t, 409, resp.StatusCode, body)

	refused := func(node string, resp *http.Response, body string) {
		t.Helper()
		require.Equal(t, 409, resp.StatusCode, body)
		require.JSONEq(t, fmt.Sprintf(`{"status":"error","error":"recorded by %s: ask it"}`, node), body)
	}
	resp, body = a.send("DELETE", "/mp4/records/"+theirs.ID, "")
	refused(theirs.Node, resp, body)
	resp, body = b.send("DELETE", "/mp4/records/"+own.ID, "")
	refused(own.Node, resp, body)
	for _, protected := range []string{"true", "false"} {
		resp, body = patch(a, theirs.ID, `{"protected":`+protected+`}`)
		refused(theirs.Node, resp, body)
		resp, body = patch(b, own.ID, `{"protected":`+protected+`}`)
		refused(own.Node, resp, body)
	}
	unchanged("by DELETE and PATCH")

	// B began when A had ended: the middle of one recording is outside of the other.
	event := func(r *recorder, of nodeRow) (*http.Response, string) {
		trigger, err := json.Marshal(map[string]any{"at": of.Start.Add(of.End.Sub(of.Start) / 2), "before": 0.1, "after": 0.1})
		require.NoError(t, err)
		return r.send("POST", "/mp4/event/cam/a", string(trigger), "Content-Type", "application/json")
	}
	resp, body = event(a, theirs)
	refused(theirs.Node, resp, body)
	resp, body = event(b, own)
	refused(own.Node, resp, body)
	unchanged("by an event")

	const all = "/mp4/records?start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z&stream=cam/a"
	type removed struct {
		Deleted, Kept int
		List          []struct{ ID, Reason string } `json:"kept_records"`
	}
	for _, dry := range []string{"&dry_run=true", ""} {
		m := answer[removed](a, "DELETE", all+dry)
		require.Equal(t, 0, m.Deleted)
		require.Equal(t, 2, m.Kept)
		reasons := map[string]string{}
		for _, k := range m.List {
			reasons[k.ID] = k.Reason
		}
		require.Equal(t, "recorded by "+theirs.Node+": ask it", reasons[theirs.ID])
		require.Contains(t, reasons[own.ID], "protected")
	}
	unchanged("by a range")
	require.Len(t, b.nodeRows(), 2)

	// A restart compares rows with the disk, and marks none of the other recorder's as lost.
	kept := files[a]
	a.end()
	a = launch(t, racyBinary, a.dir, sameNames, db.flags()...)
	require.Contains(t, a.command(append([]string{"reindex"}, db.flags()...)...), "1 finished file: 0 added, 0 updated, 0 lost")
	for _, rec := range a.nodeRows() {
		require.Equal(t, "finished", rec.State)
	}
	m := answer[removed](b, "DELETE", all)
	require.Equal(t, 1, m.Deleted)
	require.Equal(t, 1, m.Kept)
	require.NoFileExists(t, b.path(own.File))
	require.Equal(t, kept, a.bytes(own.File))
}

func (r *recorder) bytes(name string) []byte {
	r.t.Helper()
	data, err := os.ReadFile(r.path(name))
	require.NoError(r.t, err)
	return data
}

// TestAFileOfAnotherRecordingAtTheRowsPath checks that a file with another recording's entry at
// the path of a row is not deleted, marked or served.
func TestAFileOfAnotherRecordingAtTheRowsPath(t *testing.T) {
	t.Parallel()
	r := serve(t, sameNames)
	for range 2 {
		r.start("cam/a", "")
		r.awaitUnits("cam/a", 25)
		r.stop("cam/a")
	}
	r.awaitRecords("cam/a", 2)
	rows := r.nodeRows()
	require.Len(t, rows, 2)
	one, two := rows[0], rows[1]
	require.NoError(t, os.Rename(r.path(two.File), r.path(one.File)))
	was := r.bytes(one.File)
	acts := func(id, url string, code int, says string) {
		t.Helper()
		for _, act := range [][2]string{{"DELETE", "/mp4/records/" + id}, {"PATCH", "/mp4/records/" + id}, {"GET", url}} {
			body := ""
			if act[0] == "PATCH" {
				body = `{"protected":true}`
			}
			resp, text := r.send(act[0], act[1], body, "Content-Type", "application/json")
			require.Equal(t, code, resp.StatusCode, "%s %s", act[0], text)
			require.Contains(t, text, says)
		}
		resp, text := r.send("POST", "/mp4/event/cam/a", fmt.Sprintf(`{"at":%q,"before":0.01,"after":0.01}`,
			one.Start.Add(one.End.Sub(one.Start)/2).Format(time.RFC3339Nano)), "Content-Type", "application/json")
		require.Equal(t, code, resp.StatusCode, text)
		require.Contains(t, text, says)
		require.Equal(t, was, r.bytes(one.File))
	}
	acts(one.ID, one.URL, 409, "cam_a_1.mp4 is the file of another recording")
	require.EqualValues(t, 4, r.metric("spool_files_mistaken_total"))

	damaged := append([]byte(nil), was...)
	for i := range 4096 { // all of its header
		damaged[24+i] = 0
	}
	require.NoError(t, os.WriteFile(r.path(one.File), damaged, 0o644))
	was = damaged
	acts(one.ID, one.URL, 409, "does not name the recording that it belongs to")

	require.NoError(t, os.Remove(r.path(one.File)))
	require.Contains(t, r.command("reindex"), "2 lost")
	resp, _ := r.send("DELETE", "/mp4/records/"+one.ID, "")
	require.Equal(t, 200, resp.StatusCode)
}

// TestABranchWithItsOwnRecordDirectory records files of the same names to two directories. A change
// of one row never changes the file of the other, and none is marked as lost.
func TestABranchWithItsOwnRecordDirectory(t *testing.T) {
	t.Parallel()
	second := t.TempDir()
	config := fmt.Sprintf(`
streams:
  cam/a: {pull: "testpattern://?size=320x180&fps=25&gop=25&audio=off"}
mp4: {filename_pattern: "{stream}_{seq}.mp4"}
pipelines:
  both:
    streams: ["cam/*"]
    record: manual
    stages:
      - source
      - tee:
          branches:
            - {name: one, stages: [gop_ring, segmenter, mp4, metadata]}
            - {name: two, stages: [gop_ring, segmenter, mp4: {record_path: %q}, metadata]}
`, second)
	r := serve(t, config)
	r.expect("which is not mp4.record_path")
	r.start("cam/a", "")
	r.awaitUnits("cam/a", 50)
	r.stop("cam/a")
	var rows []nodeRow
	eventually(t, "both have their row", func() bool {
		rows = r.nodeRows()
		return len(rows) == 2 && rows[0].State == "finished" && rows[1].State == "finished"
	})
	own, aside := rows[0], rows[1]
	if own.Elsewhere {
		own, aside = aside, own
	}
	require.Equal(t, own.File, aside.File)
	require.False(t, own.Elsewhere)
	require.True(t, aside.Elsewhere)
	require.Empty(t, aside.URL)
	was := r.bytes(own.File)
	for _, act := range [][2]string{{"DELETE", ""}, {"PATCH", `{"protected":true}`}} {
		resp, text := r.send(act[0], "/mp4/records/"+aside.ID, act[1], "Content-Type", "application/json")
		require.Equal(t, 409, resp.StatusCode, text)
		require.Contains(t, text, "recorded by "+aside.Node)
	}
	require.Equal(t, was, r.bytes(own.File))
	require.Contains(t, r.command("reindex"), "1 finished file: 0 added, 0 updated, 0 lost")
	require.Contains(t, r.command("reindex", "--record-path", second, "--set", "database/dsn="+r.path("spool.db")), "1 finished file: 0 added, 0 updated, 0 lost",
		"that directory is a recorder by itself")
	for _, rec := range r.nodeRows() {
		require.Equal(t, "finished", rec.State)
	}
	resp, _ := r.send("DELETE", "/mp4/records/"+own.ID, "")
	require.Equal(t, 200, resp.StatusCode)
	require.NoFileExists(t, r.path(own.File))
	require.FileExists(t, second+"/"+aside.File)
}

// TestCopiedFilesOfAnotherRecorderChangeNoRow checks that copied files, including one that a kill left
// unfinished, change nothing in the rows of the originals.
func TestCopiedFilesOfAnotherRecorderChangeNoRow(t *testing.T) {
	t.Parallel()
	db := &database{driver: "sqlite", dsn: t.TempDir() + "/spool.db"}
	b := serve(t, sameNames, db.flags()...)
	b.start("cam/a", "")
	b.awaitUnits("cam/a", 25)
	b.stop("cam/a")
	b.start("cam/a", "")
	b.awaitUnits("cam/a", 50)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/recordings", 0o755))
	for _, suffix := range []string{".mp4", ".mp4.part"} {
		for _, file := range b.list(suffix) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(strings.Replace(file, b.files, dir+"/recordings", 1), data, 0o644))
		}
	}
	a := launch(t, racyBinary, dir, sameNames, db.flags()...)
	a.expect("the row of a file on this disk is another recorder's")
	a.await("recording recovered after a crash")
	require.Contains(t, a.command(append([]string{"reindex"}, db.flags()...)...), "2 of another recorder by their rows")
	eventually(t, "the database has refused what was recovered, and no row is the copy's", func() bool {
		rows := a.nodeRows()
		return len(rows) == 2 && !slices.ContainsFunc(rows, func(rec nodeRow) bool {
			return !rec.Elsewhere || rec.State != "finished" && rec.State != "recording"
		})
	})
	b.stop("cam/a")
	eventually(t, "both are finished", func() bool {
		rows := a.nodeRows()
		return len(rows) == 2 && rows[0].State == "finished" && rows[1].State == "finished" && rows[0].Node == rows[1].Node
	})
}
