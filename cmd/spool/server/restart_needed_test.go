package server

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/recorder"
)

// Health names the settings of the file that take effect at the next start, until the file has
// their old values again. A refused reload does not change that.
func TestHealthNamesTheSettingsThatNeedARestart(t *testing.T) {
	r := start(t, t.TempDir(), "", 0, true)
	before, err := os.ReadFile(r.file)
	require.NoError(t, err)
	reload := func(text string) error {
		require.NoError(t, os.WriteFile(r.file, []byte(text), 0o600))
		_, err := r.declared.Reload(context.Background())
		return err
	}
	_, _, is := r.problem("restart_needed")
	require.False(t, is)

	require.NoError(t, reload(string(before)+"log: {level: debug}\nmp4: {expire_days: 3}\n"))
	reloaded := time.Now()
	cause, remedy, is := r.problem("restart_needed")
	require.True(t, is)
	require.Contains(t, cause, "log/level, mp4/expire_days")
	began := r.since("restart_needed")
	require.True(t, began.Before(reloaded), "it began with the reload, not with the first look at health")
	require.Contains(t, remedy, "restart spool")

	require.Error(t, reload("log: {level: loud}\n"))
	refused := time.Now()
	require.True(t, r.since("configuration_refused").Before(refused))
	require.Error(t, reload("log: {level: louder}\n"))
	require.True(t, r.since("configuration_refused").Before(refused), "it lasts since the first refusal")
	require.Equal(t, began, r.since("restart_needed"))
	_, _, is = r.problem("restart_needed")
	require.True(t, is)

	require.NoError(t, reload(string(before)))
	_, _, is = r.problem("restart_needed")
	require.False(t, is)
}

// A reload of egress.enable changes nothing before the restart: neither that clients may watch, nor that they may not.
func TestWhoMayWatchChangesAtARestart(t *testing.T) {
	for name, started := range map[string]bool{"watched": true, "not watched": false} {
		t.Run(name, func(t *testing.T) {
			setting := func(enable bool) string { return fmt.Sprintf("egress: {enable: %v", enable) }
			r := start(t, t.TempDir(), setting(started)+"}\n", 0, true)
			before := r.declared.State()
			text, err := os.ReadFile(r.file)
			require.NoError(t, err)
			text = []byte(strings.Replace(string(text), setting(started), setting(!started), 1))
			require.NoError(t, os.WriteFile(r.file, text, 0o600))
			out, err := r.declared.Reload(context.Background())
			require.NoError(t, err)
			require.Equal(t, []string{"egress/enable"}, out.NeedRestart)
			require.Equal(t, recorder.Changes{}, out.Pipelines)
			require.Equal(t, len(before.Pipelines), len(r.declared.State().Pipelines))
			for name, p := range before.All.Pipelines {
				require.True(t, p.Same(r.declared.State().All.Pipelines[name]), name)
			}
		})
	}
}

// since returns when a problem of health began.
func (r *fixture) since(name string) time.Time {
	r.t.Helper()
	for _, p := range r.problems(context.Background()) {
		if p.Problem == name {
			return p.Since
		}
	}
	require.Fail(r.t, "health has no problem "+name)
	return time.Time{}
}
