package main

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReindexPrintsItsFindings(t *testing.T) {
	code, out, errs := spool(t, "", "reindex")
	require.Equal(t, exitFailed, code)
	require.Empty(t, out)
	require.Contains(t, errs, "mp4.record_path: stat ./recordings: no such file or directory")

	require.NoError(t, os.MkdirAll("recordings", 0o755))
	require.NoError(t, os.WriteFile("recordings/other.mp4", []byte("no file of ours"), 0o644))
	require.NoError(t, os.WriteFile("recordings/left.mp4.part", nil, 0o644))
	var printed, stderr bytes.Buffer
	require.Equal(t, exitOK, run([]string{"reindex"}, &Program{Stdout: &printed, Stderr: &stderr}), stderr.String())
	require.Equal(t, "1 finished file: 0 added, 0 updated, 0 lost\n"+
		"1 not finished yet, left alone: the recorder that writes them, or the next start of one, finishes them\n"+
		"1 without an entry of this recorder, left alone\n", printed.String())
	printed.Reset()
	require.Equal(t, exitOK, run([]string{"reindex", "--json"}, &Program{Stdout: &printed, Stderr: &stderr}), stderr.String())
	var report map[string]int
	require.NoError(t, json.Unmarshal(printed.Bytes(), &report))
	require.Equal(t, 1, report["foreign"])
	require.Equal(t, 1, report["files"])
}

func TestReindexPrintsWhyTheDatabaseCannotBeReached(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("recordings/spool.db", 0o755))
	var out, errs bytes.Buffer
	require.Equal(t, exitFailed, run([]string{"reindex", "--wait", "300ms"}, &Program{Stdout: &out, Stderr: &errs}))
	require.Empty(t, out.String())
	require.Contains(t, errs.String(), "spool.db is a directory, in the place of a file of the database: move it away")
}
