package webhook

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// A notice in the outbox whose file has changed is not sent; the file stays.
func TestANoticeThatIsChangedBeforeItIsSentIsNotSent(t *testing.T) {
	noLeak(t)
	dir := filepath.Join(t.TempDir(), "outbox")
	up := make(chan struct{})
	server := listen(t, func(int, string) int { <-up; return http.StatusOK })
	other := listen(t, func(int, string) int { return http.StatusOK })
	p := begin(t, dir, newClock())
	for n := range 3 { // the first is being sent
		require.NoError(t, p.Put(notice(pipeline.SystemClock, server.URL, fmt.Sprintf(`{"n":%d}`, n))))
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	require.NoError(t, err)
	require.Len(t, names, 3)
	evil := notice(pipeline.SystemClock, other.URL, `{"evil":1}`)
	text, err := encode(&evil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(names[2], text, 0o600))
	close(up)
	settled(t, p.Outbox)
	require.Equal(t, []string{`{"n":0}`, `{"n":1}`}, server.heard())
	require.Empty(t, other.heard())
	require.FileExists(t, names[2])
	require.Equal(t, Counts{Delivered: 2, GivenUp: 1}, p.Counts())
}

// A stored notice names its target by a hash and a host, and holds no secret of it.
func TestAnOutboxHoldsNoSecretOfATarget(t *testing.T) {
	noLeak(t)
	dir := filepath.Join(t.TempDir(), "outbox")
	server := listen(t, func(int, string) int { return http.StatusServiceUnavailable })
	p := begin(t, dir, newClock())
	n := notice(pipeline.SystemClock, strings.Replace(server.URL, "http://", "http://user:c4n4ry@", 1)+"/c4n4ry?token=c4n4ry", `{"n":1}`)
	n.Target.SecretFile = "/run/c4n4ry"
	require.NoError(t, p.Put(n))
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	require.NoError(t, err)
	require.Len(t, names, 1)
	text, err := os.ReadFile(names[0])
	require.NoError(t, err)
	require.NotContains(t, string(text), "c4n4ry")
	require.Contains(t, string(text), `"host":"`+strings.TrimPrefix(server.URL, "http://")+`"`)
}

// A notice is sent only to a declared target, with the secret declared for it; a notice of another target is dropped,
// counted and logged.
func TestANoticeIsSentToATargetThatIsDeclared(t *testing.T) {
	noLeak(t)
	dir := filepath.Join(t.TempDir(), "outbox")
	var up atomic.Bool
	server := listen(t, func(int, string) int {
		if up.Load() {
			return http.StatusOK
		}
		return http.StatusServiceUnavailable
	})
	p := begin(t, dir, pipeline.SystemClock) // on a clock that skips waits, many attempts would give a notice up
	for n := range 2 {
		require.NoError(t, p.Put(notice(pipeline.SystemClock, server.URL, fmt.Sprintf(`{"n":%d}`, n))))
	}
	for n := range 3 {
		gone := notice(pipeline.SystemClock, server.URL+"/c4n4ry", fmt.Sprintf(`{"gone":%d}`, n))
		require.NoError(t, p.Put(gone))
		known.Delete(gone.Target.Key())
	}
	p.end(t)
	up.Store(true)
	said := &pipelinetest.Log{}
	tasks := pipeline.NewTasks(slog.New(slog.NewTextHandler(said, nil)), newClock())
	o, err := Open(Options{Dir: dir, Tasks: tasks, Clock: newClock(), Log: slog.New(slog.NewTextHandler(said, nil)), Find: find})
	require.NoError(t, err)
	t.Cleanup(func() { process{o, tasks}.end(t) })
	require.Eventually(t, func() bool { return o.Counts() == Counts{Delivered: 2, GivenUp: 3} }, time.Minute, time.Millisecond)
	require.Subset(t, server.heard(), []string{`{"n":0}`, `{"n":1}`})
	require.Equal(t, Counts{Delivered: 2, GivenUp: 3}, o.Counts())
	require.Zero(t, files(t, dir))
	require.Contains(t, said.String(), `"notices of an earlier run are dropped" notices=3 host=`+strings.TrimPrefix(server.URL, "http://"))
	require.NotContains(t, said.String(), "c4n4ry")
}

// Targets with different secrets have different keys.
func TestKeysDistinguishTargets(t *testing.T) {
	seen := map[string]bool{}
	for _, target := range []Target{{"http://h", "", ""}, {"http://h", "a", ""}, {"http://h", "", "a"}, {"http://ha", "", ""}, {"http://h/x", "", ""}} {
		require.False(t, seen[target.Key()], target)
		seen[target.Key()] = true
	}
}

// If the outbox is a link, notices are kept in memory and sent from there, and the link's target is not written to.
func TestNoticesAreSentThoughALinkIsInTheirPlace(t *testing.T) {
	noLeak(t)
	home, outside := t.TempDir(), t.TempDir()
	dir := filepath.Join(home, "outbox")
	require.NoError(t, os.Symlink(outside, dir))
	require.NoError(t, os.Symlink(outside, dir+"-spare"))
	server := listen(t, func(int, string) int { return http.StatusOK })
	p := begin(t, dir, newClock())
	require.ErrorIs(t, p.Put(notice(pipeline.SystemClock, server.URL, `{"n":1}`)), ErrUnstored)
	settled(t, p.Outbox)
	require.Equal(t, []string{`{"n":1}`}, server.heard())
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, left)
}

// A link in the place of a spare file is not followed.
func TestALinkInPlaceOfASpareFileIsNotFollowed(t *testing.T) {
	noLeak(t)
	dir := filepath.Join(t.TempDir(), "outbox")
	victim := filepath.Join(t.TempDir(), "victim")
	require.NoError(t, os.WriteFile(victim, []byte("whole"), 0o600))
	require.NoError(t, os.Mkdir(dir+"-spare", 0o700))
	require.NoError(t, os.Symlink(victim, filepath.Join(dir+"-spare", "00000099"+spareSuffix)))
	p := begin(t, dir, newClock())
	p.storing.Lock()
	err := p.takeSpare(filepath.Join(dir, "0000000000000001"+suffix), []byte("notice"))
	p.storing.Unlock()
	require.ErrorIs(t, err, filesystem.ErrNotBelow)
	text, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "whole", string(text))
}
