package server

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestARecoveredFileIsDeliveredOnce checks that a file is delivered once although recovery and a
// comparison with the disk find it at the same moment.
func TestARecoveredFileIsDeliveredOnce(t *testing.T) {
	dir, ran := t.TempDir(), filepath.Join(t.TempDir(), "ran")
	r := start(t, dir, `
pipelines:
  default:
    stages: [source, gop_ring, segmenter, mp4, {exec: {command: [/bin/sh, -c, 'echo "$0" >> `+ran+`', "{file}"]}}, metadata]
`, 0, true)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "live"), 0o755))
	var calls sync.WaitGroup
	for i := range 8 {
		rec := media.Recording{
			ID: media.ID{byte(1 + i%2)}, Stream: "live/x", Pipeline: "default", Path: []string{"live/one.mp4", "live/two.mp4"}[i%2],
			State: media.StateRecovered, StartUTC: 1, EndUTC: 2, DurationNS: 1,
		}
		calls.Go(func() {
			if !r.redeliver(t.Context(), rec) {
				t.Errorf("%s was not delivered", rec.Path)
			}
		})
	}
	calls.Wait()
	r.stop() // waits for commands
	text, err := os.ReadFile(ran)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"live/one.mp4", "live/two.mp4"}, strings.Fields(string(text)))
}

// The set of delivered recordings is bounded: the oldest ones are forgotten.
func TestTheSetOfDeliveredFilesIsBounded(t *testing.T) {
	r := redelivered{done: map[media.ID]bool{}}
	id := func(n int) (id media.ID) {
		binary.BigEndian.PutUint64(id[:], uint64(n+1))
		return id
	}
	for n := range 3*maxRedelivered + 7 {
		r.note(id(n))
		r.note(id(n))
	}
	require.Len(t, r.done, maxRedelivered)
	require.Len(t, r.order, maxRedelivered)
	for n := range 3*maxRedelivered + 7 {
		require.Equal(t, n >= 2*maxRedelivered+7, r.done[id(n)])
	}
}
