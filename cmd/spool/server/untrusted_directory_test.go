package server

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api"
)

const forgetful = "pipelines: {own: {streams: [live/a], stages: [source, gop_ring, segmenter, mp4, metadata]}}\n"

const madeByRequest = "{streams: [live/b], stages: [source, gop_ring, segmenter, mp4, metadata]}"

// problem returns the cause and the remedy of a problem of health, and whether it exists.
func (r *fixture) problem(name string) (cause, remedy string, is bool) {
	for _, p := range r.problems(context.Background()) {
		if p.Problem == name {
			return p.Cause, p.Remedy, true
		}
	}
	return "", "", false
}

// TestAStartReportsStateThatARestartWouldIgnore checks that in a directory of another user the start
// logs once what a restart would ignore, with a remedy, and that a pipeline that would be lost
// is refused. Once the directory is spool's, it is made.
func TestAStartReportsStateThatARestartWouldIgnore(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root can change the owner
	}
	dir := filepath.Join(t.TempDir(), "recordings")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Chown(dir, 65534, -1))
	r := start(t, dir, forgetful, 0, true)
	said := r.said.String()
	require.Equal(t, 1, strings.Count(said, "chown 0 "+dir), said)
	require.Contains(t, said, "level=WARN msg=\"a restart forgets")
	cause, remedy, is := r.problem("restart_forgets")
	require.True(t, is)
	require.Contains(t, cause, "chown 0 "+dir+", or run spool as the user 65534")
	require.Contains(t, remedy, "reload")

	for _, dry := range []bool{true, false} {
		_, err := r.declared.Declare(context.Background(), "new", []byte(madeByRequest), dry)
		var refused *api.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 409, refused.Code)
		require.Contains(t, refused.Text, "chown 0 recordings, or run spool as the user 65534")
		require.Contains(t, refused.Text, "configuration file")
		require.NotContains(t, refused.Text, filepath.Dir(dir))
	}
	require.NoFileExists(t, filepath.Join(dir, ".spool-pipelines.yaml"))

	reloaded, err := r.declared.Reload(context.Background())
	require.NoError(t, err)
	require.Len(t, reloaded.Warnings, 1)
	require.Contains(t, reloaded.Warnings[0], "chown 0 recordings")
	require.Equal(t, 1, strings.Count(r.said.String(), "chown 0 "+dir), "it is logged once")
	require.NoError(t, os.Chown(dir, 0, -1))
	_, err = r.declared.Declare(context.Background(), "new", []byte(madeByRequest), false)
	require.NoError(t, err)
	_, _, is = r.problem("restart_forgets")
	require.False(t, is)
	r.stop()
	r = start(t, dir, forgetful, 0, true)
	require.NotContains(t, r.said.String(), "a restart forgets")
	names, _ := r.declared.List()
	require.Contains(t, names, "new")
}

// TestStateInADirectoryOfAnotherUserIsNotObeyed checks that stored commands and pipelines are
// neither run nor removed. A request for another pipeline is refused with a remedy, and health
// reports the problem.
func TestStateInADirectoryOfAnotherUserIsNotObeyed(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root can change the owner
	}
	dir := filepath.Join(t.TempDir(), "recordings")
	pipelines := filepath.Join(dir, ".spool-pipelines.yaml")
	command := filepath.Join(dir, commandsDir, "0193c1f0-0000-7000-8000-000000000001-0011223344556677.json")
	stops, streams := filepath.Join(dir, ".spool-stops.json"), filepath.Join(dir, ".spool-streams.json")
	require.NoError(t, os.MkdirAll(filepath.Dir(command), 0o700))
	for path, text := range map[string]string{
		pipelines: "new: " + madeByRequest + "\n", stops: "{}", streams: "{}",
		command: `{"pipeline":"own","key":"0011223344556677","id":"0193c1f0-0000-7000-8000-000000000001","stream":"live/a","path":"a.mp4"}`,
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	require.NoError(t, os.Chown(dir, 65534, -1))
	r := start(t, dir, forgetful, 0, true)
	said := r.said.String()
	require.Equal(t, 1, strings.Count(said, "commands of an earlier run cannot be read and are kept"), said)
	require.NotContains(t, said, "a command of an earlier run")
	require.NotContains(t, said, "manual stops of an earlier run")
	require.NotContains(t, said, "streams of before")
	require.FileExists(t, command)

	for name, ask := range map[string]func() error{
		"PUT": func() error {
			_, err := r.declared.Declare(context.Background(), "x", []byte(madeByRequest), false)
			return err
		},
		"DELETE": func() error { _, err := r.declared.Remove(context.Background(), "new", false); return err },
	} {
		err := ask()
		require.ErrorContains(t, err, "chown 0 recordings, or run spool as the user 65534", name)
		require.ErrorContains(t, err, "POST /mp4/reload", name)
		require.NotContains(t, err.Error(), filepath.Dir(dir), name)
	}
	cause, remedy, is := r.problem("pipelines_refused")
	require.True(t, is)
	require.Contains(t, cause, "chown 0 recordings")
	require.Contains(t, remedy, "chown")
	require.NotContains(t, remedy, "DELETE")

	require.NoError(t, os.Chown(dir, 0, -1))
	_, err := r.declared.Reload(context.Background())
	require.NoError(t, err)
	names, _ := r.declared.List()
	require.Contains(t, names, "new")
	_, err = r.declared.Remove(context.Background(), "new", false)
	require.NoError(t, err)
}
