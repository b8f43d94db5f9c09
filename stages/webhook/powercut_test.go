package webhook

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

const cutDir = "rec/outbox"

// owed is the promise of an outbox: the notices that are still to be sent, and whether all earlier ones have arrived.
type owed struct {
	ids     []string
	arrived bool
}

// outboxOnDisk takes notices, one of them on a full disk, and then delivers all.
func outboxOnDisk(t *testing.T, forget int) *powercut.Disk {
	t.Helper()
	disk := powercut.New()
	disk.Forget(forget)
	require.NoError(t, disk.Mkdir("rec"))
	require.NoError(t, disk.SyncDir("."))
	answer := make(chan struct{})
	server := listen(t, func(int, string) int { <-answer; return http.StatusOK })
	env := pipelinetest.Env()
	tasks := pipeline.NewTasks(env.Log, pipeline.SystemClock)
	o, err := Open(Options{Dir: cutDir, Disk: powercut.Files{Disk: disk}, Tasks: tasks, Clock: pipeline.SystemClock, Log: env.Log, Find: find})
	require.NoError(t, err)
	p := process{o, tasks}
	defer p.end(t)
	o.wanted = 2
	disk.Note(owed{})
	var ids []string
	for n := range 4 {
		notice := notice(pipeline.SystemClock, server.URL, fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 600*n)))
		if n == 2 {
			putInSpare(t, o, notice)
		} else {
			require.NoError(t, o.Put(notice))
		}
		ids = append(ids, notice.ID)
		disk.Note(owed{ids: append([]string(nil), ids...)})
	}
	disk.Note(owed{}) // from here on it may have arrived
	close(answer)
	settled(t, o)
	disk.Note(owed{arrived: true})
	return disk
}

// putInSpare stores a notice as Put does on a full disk.
func putInSpare(t *testing.T, o *Outbox, n Notice) {
	t.Helper()
	name, err := o.name()
	require.NoError(t, err)
	text, err := encode(&n)
	require.NoError(t, err)
	o.storing.Lock()
	err = o.takeSpare(filepath.Join(o.dir, name), text)
	o.storing.Unlock()
	require.NoError(t, err)
	o.queue(&entry{name: name}, n.Target.URL)
}

// wrong returns how a state breaks the promise.
func wrong(s powercut.State) string {
	if len(s.Notes) == 0 {
		return ""
	}
	o := &Outbox{dir: cutDir, disk: powercut.Files{Disk: s.Disk}, find: find}
	entries, err := o.disk.List(cutDir)
	if err != nil {
		return "the outbox is gone"
	}
	there := map[string]bool{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		n, _, err := o.read(e.Name())
		if err != nil {
			return "a notice is there by half"
		}
		if there[n.ID] {
			return "a notice is there twice"
		}
		there[n.ID] = true
	}
	promised := s.Notes[len(s.Notes)-1].(owed)
	if promised.arrived && len(there) > 0 {
		return "a notice that had arrived is sent again"
	}
	for _, id := range promised.ids {
		if !there[id] {
			return "a notice is lost"
		}
	}
	return ""
}

// In every state of the disk each accepted notice exists, whole and once, until it has arrived; then it is not sent
// again.
func TestNoticesAfterAPowerCut(t *testing.T) {
	noLeak(t)
	states := 0
	for s := range outboxOnDisk(t, 0).States(powercut.Options{Seed: 1, Random: 20}) {
		states++
		require.Empty(t, wrong(s), "cut after operation %d, %s", s.Cut, s.What)
		if states%50 == 0 { // the outbox opens in this state
			env := pipelinetest.Env()
			tasks := pipeline.NewTasks(env.Log, pipeline.SystemClock)
			o, err := Open(Options{Dir: cutDir, Disk: powercut.Files{Disk: s.Disk}, Tasks: tasks, Clock: newClock(), Log: env.Log, Find: find})
			require.NoError(t, err)
			require.NoError(t, o.write("ffffffffffffffff"+suffix, []byte("{}")))
			process{o, tasks}.end(t)
		}
	}
	require.Greater(t, states, 100)
}

// TestForgottenSyncOfTheOutbox leaves out each sync in turn, except that of the directory of spare files, which
// promises nothing.
func TestForgottenSyncOfTheOutbox(t *testing.T) {
	noLeak(t)
	syncs, _ := outboxOnDisk(t, 0).Syncs()
	require.Equal(t, 2+4*2+1+1, syncs, "of the directories, two a notice, and one when all have arrived")
	const rec, spare = 1, 5 // which come first, and behind the first notice
	for n := 1; n <= syncs; n++ {
		if n == rec || n == spare {
			continue
		}
		disk, caught := outboxOnDisk(t, n), ""
		for s := range disk.States(powercut.Options{Seed: 1, Random: 20}) {
			if caught = wrong(s); caught != "" {
				break
			}
		}
		_, what := disk.Syncs()
		require.NotEmpty(t, caught, "no state shows that sync %d is missing: %s", n, what)
	}
}
