package mp4

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/mp4/powercut"
)

// killedDisk returns a disk on which a recorder of a form died after its last chunk and before it
// began to finish the file, or with zeros in place of the last chunk.
func killedDisk(t *testing.T, form string, zeros bool) (run cutRun, s powercut.State) {
	t.Helper()
	run = recordOnDisk(t, form, 0)
	chunks, what := len(run.chunks), "everything kept"
	if zeros {
		chunks, what = chunks-1, "sizes without bytes"
	}
	for s = range run.disk.States(powercut.Options{}) {
		if s.What == what && last(s.Notes) == (promise{claimed: true, chunks: chunks}) {
			return run, s
		}
	}
	require.Fail(t, "no such state")
	return run, s
}

// recoverOn recovers a killed disk of run, with the forget-th sync of recovery skipped, and visits
// the states after a power cut.
func (run cutRun) recoverOn(t *testing.T, s powercut.State, forget int) (syncs int, what string, caught error) {
	t.Helper()
	before := last(s.Notes)
	s.Disk.Note(before)
	s.Disk.Forget(forget)
	require.NoError(t, recoverDir(context.Background(), cutFS{s.Disk}, run.place, func(r Repaired) { require.NoError(t, r.Err) }))
	require.NoError(t, reindex(s.Disk))
	s.Disk.Note(promise{claimed: true, chunks: before.chunks, finished: true})
	syncs, what = s.Disk.Syncs()
	for again := range s.Disk.States(powercut.Options{Seed: 1, Random: 100}) {
		if caught = noticed(run.verify(again), forget, syncs); caught != nil {
			return syncs, what, fmt.Errorf("cut after operation %d, %s: %w", again.Cut, again.What, caught)
		}
	}
	return syncs, what, nil
}

// TestForgottenSyncOfRecovery skips each sync of recovery in turn. With all syncs nothing may be
// lost; without any one of them something must be.
func TestForgottenSyncOfRecovery(t *testing.T) {
	t.Parallel()
	for form := range forms {
		for _, zeros := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, zeros %v", form, zeros), func(t *testing.T) {
				run, s := killedDisk(t, form, zeros)
				syncs, _, err := run.recoverOn(t, s, 0)
				require.NoError(t, err)
				require.GreaterOrEqual(t, syncs, 3)
				for n := 1; n <= syncs; n++ {
					run, s := killedDisk(t, form, zeros)
					_, what, caught := run.recoverOn(t, s, n)
					t.Logf("sync %d, %s: %v", n, what, caught)
					require.Error(t, caught, "no state shows that sync %d is missing: %s", n, what)
				}
			})
		}
	}
}
