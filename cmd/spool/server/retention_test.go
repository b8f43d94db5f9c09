package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
)

// While space is needed, a client reads the oldest recording over a slow connection. Retention
// deletes other files, and that one only after it has been read to its end.
func TestAFileThatAClientReadsIsNotDeletedForSpace(t *testing.T) {
	dir := t.TempDir()
	const large = "mp4: {max_duration: 1s, filename_pattern: '{stream}/{timestamp}_{ms}.mp4'}\n" +
		"streams: {a: {pull: 'testpattern://?size=160x120&fps=25&gop=25&bitrate=100M'}}\n"
	const always = "pipelines: {default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}\n"
	old := fill(t, dir, large+always, 3)
	var total int64
	for _, file := range old {
		info, err := os.Stat(file)
		require.NoError(t, err)
		total += info.Size()
	}
	want, err := os.ReadFile(old[0])
	require.NoError(t, err)
	require.Greater(t, len(want), 8<<20, "more than the kernel buffers of an unread response")

	r := start(t, dir, large+fmt.Sprintf("retention: {max_bytes: %d}\n", total+(4<<20)), 0, true)
	r.keeper.MakeRoom(t.Context())
	require.Equal(t, old, r.files())
	conn, err := net.Dial("tcp", r.httpAddr)
	require.NoError(t, err)
	defer conn.Close()
	rel, err := filepath.Rel(dir, old[0])
	require.NoError(t, err)
	fmt.Fprintf(conn, "GET /mp4/vod/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", rel, r.httpAddr)
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 4096), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)

	_, err = r.recorder.Start("a", recorder.StartOptions{})
	require.NoError(t, err)
	r.eventually("the others go", func() bool {
		_, second := os.Stat(old[1])
		_, third := os.Stat(old[2])
		return os.IsNotExist(second) && os.IsNotExist(third)
	})
	require.FileExists(t, old[0])
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, len(want), len(got))
	require.Equal(t, want, got)
	r.eventually("it goes when it is read", func() bool {
		r.ask("GET", "/mp4/retention", &struct{}{}) // scans the directory now and not in a minute
		_, err := os.Stat(old[0])
		return os.IsNotExist(err)
	})
}

// A crash left a file days ago, and the disk is too full at the start. Retention does not delete
// the file before recovery has made a recording of it, however long that takes.
func TestUnfinishedFilesAreNotDeletedBeforeRecovery(t *testing.T) {
	for name, recovers := range map[string]bool{"recovery has not come to it": false, "recovery does": true} {
		t.Run(name, func(t *testing.T) {
			left := leftByACrash(t)
			dir := t.TempDir()
			part := filepath.Join(dir, "a", "left.mp4.part")
			require.NoError(t, os.MkdirAll(filepath.Dir(part), 0o755))
			require.NoError(t, os.WriteFile(part, left, 0o644))
			days := time.Now().Add(-3 * 24 * time.Hour)
			require.NoError(t, os.Chtimes(part, days, days))
			r := start(t, dir, fmt.Sprintf("mp4: {auto_recovery: %v, disk_max_percent: 1}\nretention: {keep_at_least: 24h}\n", recovers), 0, true)
			if recovers {
				r.eventually("it is a recording", func() bool { return len(r.files()) == 1 })
			}
			for range 3 {
				r.keeper.MakeRoom(t.Context())
			}
			if recovers {
				require.Len(t, r.files(), 1, "%s", r.said)
				return
			}
			require.FileExists(t, part, "%s", r.said)
		})
	}
}

// leftByACrash returns a growing file as a kill leaves it.
func leftByACrash(t *testing.T) (left []byte) {
	t.Helper()
	dir := t.TempDir()
	r := start(t, dir, "mp4: {filename_pattern: '{stream}/{timestamp}.mp4'}\n"+
		"streams: {a: {pull: 'testpattern://?size=160x120&fps=25&gop=25'}}\n", 0, true)
	_, err := r.recorder.Start("a", recorder.StartOptions{})
	require.NoError(t, err)
	r.eventually("a file with some chunks", func() bool {
		for _, j := range r.recorder.Jobs() {
			if !j.Report.LastWritten.IsZero() && j.Report.LastWritten.Sub(j.Report.StartedAt) > time.Second {
				parts, err := filepath.Glob(filepath.Join(dir, "a", "*.part"))
				require.NoError(t, err)
				require.Len(t, parts, 1)
				left, err = os.ReadFile(parts[0])
				require.NoError(t, err)
				return true
			}
		}
		return false
	})
	r.stop()
	return left
}

// On a full disk retention deletes a recovered file before its row is written. The row is then
// not written either.
func TestARecoveredFileThatIsDeletedAtOnceHasNoRow(t *testing.T) {
	r := start(t, t.TempDir(), "", 0, true)
	now := time.Now().UnixNano()
	rec := media.Recording{
		ID: media.NewID(time.Now()), Stream: "a", Pipeline: "default", Path: "a/1.mp4", State: media.StateRecovered,
		StartUTC: now - int64(time.Second), EndUTC: now, DurationNS: int64(time.Second), SizeBytes: 1000, EndReason: endcause.Crash,
	}
	r.recovered(t.Context(), mp4.Repaired{File: rec.Path + media.PartSuffix, Recording: rec})
	require.NoError(t, r.catalogue.Flush(t.Context()))
	_, err := r.catalogue.Record(t.Context(), rec.ID)
	require.ErrorIs(t, err, metadata.ErrNotFound)
}
